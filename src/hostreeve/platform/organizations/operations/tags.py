"""Tags on the root, on units, accounts and policies."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform import groups
from hostreeve.platform.organizations.actions import standing, tagging, tree
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization, shown_tags
from hostreeve.platform.organizations.operations.policies import arn_of
from hostreeve.platform.organizations.operations.service import organizations, paged_here
from hostreeve.platform.organizations.store import policies


@organizations.writes("TagResource", asks=True)
def tag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.manager(call, "TagResource", lambda each: _arn(call, each, request["ResourceId"]))
    _require_existing(call, found, request["ResourceId"])
    tagging.add(call.tx, found, _arn(call, found, request["ResourceId"]), tagging.asked(request))
    return {}


@organizations.writes("UntagResource", asks=True)
def untag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = standing.manager(call, "UntagResource", lambda each: _arn(call, each, request["ResourceId"]))
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
    return organization.node_arn(resource_id)


def _require_existing(call: Call, organization: Organization, resource_id: str) -> None:
    if resource_id.startswith("p-"):
        if policies.find(call.tx, organization.organization_id, resource_id) is None:
            raise refusals.no_target()
    elif not tree.has_node(call.tx, organization, resource_id):
        raise refusals.no_target()
