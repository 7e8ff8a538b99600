"""Organizational units, and walking the tree up and down."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.organizations.actions import standing, tagging, tree
from hostreeve.platform.organizations.model.organization import Organization, is_account
from hostreeve.platform.organizations.operations.service import (
    error,
    organizations,
    page_of,
    paged,
    paged_here,
    shown_unit,
)
from hostreeve.platform.organizations.store import accounts, trees


@organizations.writes("CreateOrganizationalUnit", asks=True)
def create_organizational_unit(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    parent_id = request["ParentId"]
    found = standing.manager(call, "CreateOrganizationalUnit", lambda each: each.node_arn(parent_id))
    tags = tagging.asked(request)
    standing.require_tagging(call, found, found.unit_arn("*"), list(tags))
    unit = tree.create_unit(call, found, parent_id, request["Name"])
    tagging.add(call.tx, found, found.unit_arn(unit.unit_id), tags)
    return {"OrganizationalUnit": shown_unit(found, unit)}


@organizations.reads("DescribeOrganizationalUnit", asks=True)
def describe_organizational_unit(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    unit_id = request["OrganizationalUnitId"]
    found = standing.reader(call, "DescribeOrganizationalUnit", lambda each: each.unit_arn(unit_id))
    return {"OrganizationalUnit": shown_unit(found, tree.fetch_unit(call.tx, found, unit_id))}


@organizations.writes("UpdateOrganizationalUnit", asks=True)
def update_organizational_unit(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Only its name can change; where it lies cannot, as at AWS."""
    unit_id = request["OrganizationalUnitId"]
    found = standing.manager(call, "UpdateOrganizationalUnit", lambda each: each.unit_arn(unit_id))
    unit = tree.fetch_unit(call.tx, found, unit_id)
    if "Name" in request:
        unit = tree.rename_unit(call, found, unit_id, request["Name"])
    return {"OrganizationalUnit": shown_unit(found, unit)}


@organizations.writes("DeleteOrganizationalUnit", asks=True)
def delete_organizational_unit(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    unit_id = request["OrganizationalUnitId"]
    found = standing.manager(call, "DeleteOrganizationalUnit", lambda each: each.unit_arn(unit_id))
    tree.delete_unit(call, found, unit_id)
    return {}


@organizations.reads("ListOrganizationalUnitsForParent", asks=True)
def list_organizational_units_for_parent(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    parent_id = request["ParentId"]
    found = standing.reader(call, "ListOrganizationalUnitsForParent", lambda each: each.node_arn(parent_id))
    tree.require_parent(call.tx, found, parent_id)
    page = page_of(request)
    rows = trees.units_below(call.tx, parent_id, after=page.after, limit=page.limit + 1)
    return paged(
        "OrganizationalUnits", page, rows, lambda each: each.unit_id, lambda each: shown_unit(found, each)
    )


@organizations.reads("ListChildren", asks=True)
def list_children(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    parent_id, kind = request["ParentId"], request["ChildType"]
    found = standing.reader(call, "ListChildren", lambda each: each.node_arn(parent_id))
    tree.require_parent(call.tx, found, parent_id)
    page = page_of(request)
    if kind == "ACCOUNT":
        below = accounts.below(call.tx, parent_id, after=page.after, limit=page.limit + 1)
        children = [account.account for account in below]
    else:
        units = trees.units_below(call.tx, parent_id, after=page.after, limit=page.limit + 1)
        children = [unit.unit_id for unit in units]
    return paged("Children", page, children, lambda each: each, lambda each: {"Id": each, "Type": kind})


@organizations.reads("ListParents", asks=True)
def list_parents(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """One, always: a child has a single parent."""
    child_id = request["ChildId"]
    found = standing.reader(call, "ListParents", lambda each: each.node_arn(child_id))
    parent_id = _parent_of(call, found, child_id)
    kind = "ROOT" if parent_id == found.root_id else "ORGANIZATIONAL_UNIT"
    return paged_here(
        "Parents", request, [parent_id], lambda each: each, lambda each: {"Id": each, "Type": kind}
    )


def _parent_of(call: Call, organization: Organization, child_id: str) -> str:
    if is_account(child_id):
        account = tree.account_in(call.tx, organization, child_id)
        if account is not None:
            return account.parent_id
    else:
        unit = trees.unit(call.tx, organization.organization_id, child_id)
        if unit is not None:
            return unit.parent_id
    raise error.ChildNotFoundException(
        "You specified a child account or organizational unit that doesn't exist in this organization."
    )
