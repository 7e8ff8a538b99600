"""Tags, as callers of ssm see them: the same operations for every kind of resource a slice declared."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.kernel.scope import Scope
from hostreeve.platform.groups.actions import kinds, tagging
from hostreeve.platform.groups.model.tagging import Taggable
from hostreeve.platform.groups.store import tags as store

ssm = Operations("ssm")
error = ssm.errors


def tagged(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The resource that the request speaks of."""
    taggable = kinds.declared(request["ResourceType"])
    return [taggable.arn(scope, request["ResourceId"])] if taggable else ["*"]


@ssm.writes("AddTagsToResource", on=tagged)
def add_tags_to_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Add tags, or change the values of those that exist."""
    given = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    tagging.add(call, _taggable(request), request["ResourceId"], given)
    return {}


@ssm.writes("RemoveTagsFromResource", on=tagged)
def remove_tags_from_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Remove tags by key; keys that are not there are no error."""
    tagging.remove(call, _taggable(request), request["ResourceId"], request["TagKeys"])
    return {}


@ssm.reads("ListTagsForResource", on=tagged)
def list_tags_for_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    arn = tagging.existing(call, _taggable(request), request["ResourceId"])
    tags = store.tags_of(call.tx, call.scope, arn)
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _taggable(request: dict[str, Any]) -> Taggable:
    taggable = kinds.declared(request["ResourceType"])
    if taggable is None:
        raise error.InvalidResourceType(f"Resources of type {request['ResourceType']} do not exist here.")
    return taggable
