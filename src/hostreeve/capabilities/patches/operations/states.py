"""How nodes stand, one by one and by patch group; and the patches of each."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities import compliance, nodes
from hostreeve.capabilities.patches.model.state import (
    COUNTS,
    GROUP_COUNTS,
    STATES,
    described,
    described_patch,
)
from hostreeve.capabilities.patches.operations.service import PAGE, PAGE_MAX, error, filters, next_page, ssm
from hostreeve.capabilities.patches.store import states as store
from hostreeve.capabilities.patches.store.states import Condition

_PATCH_FILTERS = {
    "Classification": "Classification",
    "KBId": "KBId",
    "Severity": "Severity",
    "State": "State",
}


def _page(request: dict[str, Any]) -> paging.Page:
    return paging.read(request, maximum=PAGE_MAX, default=PAGE, error=error.InvalidNextToken)


@ssm.reads("DescribeInstancePatchStates", on=anything)
def describe_instance_patch_states(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Nodes that have not reported are left out."""
    page = _page(request)
    found = store.find_many(
        call.tx, call.scope, request["InstanceIds"], after=page.after, limit=page.limit + 1
    )
    listed = [described(state) for state in found[: page.limit]]
    return {"InstancePatchStates": listed} | next_page(page.token(found, lambda state: state.node_id))


@ssm.reads("DescribeInstancePatchStatesForPatchGroup", on=anything)
def describe_instance_patch_states_for_patch_group(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = _page(request)
    found = store.listed(
        call.tx,
        call.scope,
        patch_group=request["PatchGroup"],
        conditions=[_condition(each) for each in request.get("Filters", [])],
        after=page.after,
        limit=page.limit + 1,
    )
    listed = [described(state) for state in found[: page.limit]]
    return {"InstancePatchStates": listed} | next_page(page.token(found, lambda state: state.node_id))


def _condition(given: Mapping[str, Any]) -> Condition:
    key, value = given["Key"], given["Values"][0]
    if key not in COUNTS:
        raise error.InvalidFilter(f"The filter key must be one of {', '.join(COUNTS)}, not {key[:128]}.")
    if not (value.isascii() and value.isdecimal() and len(value) < 11):
        raise error.InvalidFilter(f"The filter {key} takes a number from 0 on, not {value[:40]}.")
    return Condition(COUNTS[key], given["Type"], int(value))


@ssm.reads("DescribePatchGroupState", on=anything)
def describe_patch_group_state(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    columns = tuple(GROUP_COUNTS.values())
    counted = store.count_in_group(call.tx, call.scope, request["PatchGroup"], columns)
    shown = {member: counted[column] for member, column in GROUP_COUNTS.items()}
    return {"Instances": counted["nodes"]} | shown


@ssm.reads("DescribeInstancePatches", on=anything)
def describe_instance_patches(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The patches of the node's last report."""
    page = _page(request)
    node_id = request["InstanceId"]
    asked = filters(request, tuple(_PATCH_FILTERS), "InvalidFilter")
    wrong = [value for value in asked.get("State", []) if value not in STATES]
    if wrong:
        raise error.InvalidFilter(f"The filter State takes {', '.join(STATES)}, not {wrong[0][:40]}.")
    if not nodes.exists(call.tx, call.scope, node_id):
        raise error.InvalidInstanceId(f"{node_id} is not a registered managed node.")
    if "State" in asked:
        asked["State"] = [described_patch("", "", {"PatchState": each})["State"] for each in asked["State"]]
    (first,) = page.parts(int)
    rows = [
        (number, patch)
        for number, patch in enumerate(_patches(call, node_id), 1)
        if number > first and all(patch[key] in values for key, values in asked.items())
    ][: page.limit + 1]
    listed = [patch for _, patch in rows[: page.limit]]
    return {"Patches": listed} | next_page(page.token(rows, lambda row: row[0]))


def _patches(call: Call, node_id: str) -> list[dict[str, Any]]:
    found = compliance.items(call.tx, call.scope, node_id, compliance.PATCH)
    return [described_patch(item.id, item.title, item.details) for _, item in found]
