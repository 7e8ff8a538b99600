"""Baselines: made, changed, shown, deleted, and the default ones."""

from collections.abc import Iterable
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.patches.actions import changing, resolving
from hostreeve.capabilities.patches.model import predefined, systems
from hostreeve.capabilities.patches.model.baseline import (
    Baseline,
    described,
    described_identity,
    shown_id,
)
from hostreeve.capabilities.patches.operations.service import (
    PAGE,
    PAGE_MAX,
    baseline_arns,
    error,
    filters,
    next_page,
    ssm,
)
from hostreeve.capabilities.patches.store import baselines as store

_OWNERS = ("AWS", "Self", "All")


@ssm.writes("CreatePatchBaseline", on=anything)
def create_patch_baseline(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"BaselineId": changing.create(call, request)}


@ssm.writes("UpdatePatchBaseline", on=baseline_arns)
def update_patch_baseline(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return described(changing.update(call, request), call.scope.region)


@ssm.writes("DeletePatchBaseline", on=baseline_arns)
def delete_patch_baseline(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    changing.delete(call, request["BaselineId"])
    return {"BaselineId": request["BaselineId"]}


@ssm.reads("GetPatchBaseline", on=baseline_arns)
def get_patch_baseline(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    baseline = changing.found(call, request["BaselineId"])
    groups = store.groups_of(call.tx, call.scope, baseline.baseline_id)
    return described(baseline, call.scope.region) | {"PatchGroups": groups}


@ssm.reads("DescribePatchBaselines", on=anything)
def describe_patch_baselines(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """AWS's and the account's own, by name."""
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    asked = filters(request, ("OWNER", "NAME_PREFIX", "OPERATING_SYSTEM"))
    last = page.parts(str, str)
    chosen = (one for one in _owned(call, asked.get("OWNER")) if _fits(one, asked))
    rows = sorted((one for one in chosen if _place(one) > last), key=_place)
    defaults = _defaults(call)
    listed = [
        described_identity(
            one, call.scope.region, is_default=defaults[one.operating_system] == one.baseline_id
        )
        for one in rows[: page.limit]
    ]
    return {"BaselineIdentities": listed} | next_page(page.token(rows, _place))


def _place(one: Baseline) -> tuple[str, str]:
    return one.name, one.baseline_id


def _owned(call: Call, owners: list[str] | None) -> Iterable[Baseline]:
    wrong = [owner for owner in owners or [] if owner not in _OWNERS]
    if wrong:
        raise error.ValidationException(f"The filter OWNER takes AWS, Self and All, not {wrong[0][:40]}.")
    is_all = owners is None or "All" in owners
    if is_all or (owners and "AWS" in owners):
        yield from predefined.every().values()
    if is_all or (owners and "Self" in owners):
        yield from store.every(call.tx, call.scope)


def _fits(one: Baseline, asked: dict[str, list[str]]) -> bool:
    if "OPERATING_SYSTEM" in asked and one.operating_system not in asked["OPERATING_SYSTEM"]:
        return False
    return one.name.startswith(tuple(asked.get("NAME_PREFIX", [""])))


def _defaults(call: Call) -> dict[str, str]:
    own = store.defaults(call.tx, call.scope)
    return {system: own.get(system) or predefined.default_for(system).baseline_id for system in systems.EVERY}


@ssm.writes("RegisterDefaultPatchBaseline", on=baseline_arns)
def register_default_patch_baseline(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    baseline = changing.found(call, request["BaselineId"])
    store.set_default(call.tx, call.scope, baseline.operating_system, baseline.baseline_id)
    return {"BaselineId": shown_id(baseline, call.scope.region)}


@ssm.reads("GetDefaultPatchBaseline", on=anything)
def get_default_patch_baseline(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    system = request.get("OperatingSystem", systems.DEFAULT)
    baseline = resolving.default(call.tx, call.scope, system)
    return {"BaselineId": shown_id(baseline, call.scope.region), "OperatingSystem": system}
