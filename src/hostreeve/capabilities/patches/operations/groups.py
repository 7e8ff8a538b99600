"""Patch groups: which baseline counts for the nodes that a tag puts together."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.patches.actions import changing, resolving
from hostreeve.capabilities.patches.model import systems
from hostreeve.capabilities.patches.model.baseline import described_identity, shown_id
from hostreeve.capabilities.patches.operations.service import (
    PAGE,
    PAGE_MAX,
    baseline_arns,
    filters,
    next_page,
    ssm,
)
from hostreeve.capabilities.patches.store import baselines as store


@ssm.writes("RegisterPatchBaselineForPatchGroup", on=baseline_arns)
def register_patch_baseline_for_patch_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    resolving.register(call, request["BaselineId"], request["PatchGroup"])
    return {"BaselineId": request["BaselineId"], "PatchGroup": request["PatchGroup"]}


@ssm.writes("DeregisterPatchBaselineForPatchGroup", on=baseline_arns)
def deregister_patch_baseline_for_patch_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    resolving.deregister(call, request["BaselineId"], request["PatchGroup"])
    return {"BaselineId": request["BaselineId"], "PatchGroup": request["PatchGroup"]}


@ssm.reads("GetPatchBaselineForPatchGroup", on=anything)
def get_patch_baseline_for_patch_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The group's, or the default where none is registered."""
    system = request.get("OperatingSystem", systems.DEFAULT)
    baseline = resolving.for_group(call.tx, call.scope, request["PatchGroup"], system)
    return {
        "BaselineId": shown_id(baseline, call.scope.region),
        "PatchGroup": request["PatchGroup"],
        "OperatingSystem": system,
    }


@ssm.reads("DescribePatchGroups", on=anything)
def describe_patch_groups(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    asked = filters(request, ("NAME_PREFIX", "OPERATING_SYSTEM"))
    rows = store.registrations(
        call.tx,
        call.scope,
        prefixes=asked.get("NAME_PREFIX"),
        systems=asked.get("OPERATING_SYSTEM"),
        after=page.parts(str, str),
        limit=page.limit + 1,
    )
    listed = []
    for row in rows[: page.limit]:
        baseline = changing.kept(call.tx, call.scope, row.baseline_id)
        assert baseline is not None, "a registered baseline is not deleted"
        is_default = resolving.default(call.tx, call.scope, row.operating_system) == baseline
        identity = described_identity(baseline, call.scope.region, is_default=is_default)
        listed.append({"PatchGroup": row.patch_group, "BaselineIdentity": identity})
    token = page.token(rows, lambda row: (row.patch_group, row.operating_system))
    return {"Mappings": listed} | next_page(token)
