"""Tags on the root, on units, accounts and policies."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform import groups
from hostreeve.platform.organizations.actions import standing, tagging
from hostreeve.platform.organizations.model.organization import Organization, shown_tags
from hostreeve.platform.organizations.operations.service import organizations, paged_here


@organizations.writes("TagResource", asks=True)
def tag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tagging.tag(call, request["ResourceId"], request)
    return {}


@organizations.writes("UntagResource", asks=True)
def untag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tagging.untag(call, request["ResourceId"], request["TagKeys"])
    return {}


@organizations.reads("ListTagsForResource", asks=True)
def list_tags_for_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    resource_id = request["ResourceId"]

    def arn(organization: Organization) -> str:
        return tagging.arn_of(call.tx, organization, resource_id)

    found = standing.reader(call, "ListTagsForResource", arn)
    tagging.require_existing(call.tx, found, resource_id)
    tags = groups.tags_of(call.tx, found.scope, arn(found))
    return paged_here("Tags", request, shown_tags(tags), lambda each: each["Key"], lambda each: each)
