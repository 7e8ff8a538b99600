"""Tags on the root, on units, accounts and policies."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform import groups
from hostreeve.platform.organizations.actions import standing, tagging, tree
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization, shown_tags
from hostreeve.platform.organizations.operations.policies import arn_of
from hostreeve.platform.organizations.operations.service import organizations, paged_here
from hostreeve.platform.organizations.store import delegations, policies


@organizations.writes("TagResource", asks=True)
def tag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.policy_writer(call, "TagResource", lambda each: _arn(call, each, request["ResourceId"]))
    _require_existing(call, found, request["ResourceId"])
    tagging.add(call.tx, found, _arn(call, found, request["ResourceId"]), tagging.asked(request))
    return {}


@organizations.writes("UntagResource", asks=True)
def untag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.policy_writer(
        call, "UntagResource", lambda each: _arn(call, each, request["ResourceId"])
    )
    _require_existing(call, found, request["ResourceId"])
    tagging.refuse_reserved(request["TagKeys"])
    groups.remove_tags(call.tx, found.scope, _arn(call, found, request["ResourceId"]), request["TagKeys"])
    return {}


@organizations.reads("ListTagsForResource", asks=True)
def list_tags_for_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.reader(call, "ListTagsForResource", lambda each: _arn(call, each, request["ResourceId"]))
    _require_existing(call, found, request["ResourceId"])
    tags = groups.tags_of(call.tx, found.scope, _arn(call, found, request["ResourceId"]))
    return paged_here("Tags", request, shown_tags(tags), lambda each: each["Key"], lambda each: each)


def _arn(call: Call, organization: Organization, resource_id: str) -> str:
    if resource_id.startswith("p-"):
        return arn_of(call, resource_id)(organization)
    if resource_id.startswith("rp-"):
        return organization.own_policy_arn(resource_id)
    return organization.node_arn(resource_id)


def _require_existing(call: Call, organization: Organization, resource_id: str) -> None:
    of = organization.organization_id
    if resource_id.startswith("p-"):
        is_there = policies.find(call.tx, of, resource_id) is not None
    elif resource_id.startswith("rp-"):
        own = delegations.own_policy(call.tx, of)
        is_there = own is not None and own.policy_id == resource_id
    else:
        is_there = tree.has_node(call.tx, organization, resource_id)
    if not is_there:
        raise refusals.no_target()
