"""Tags, as callers of ssm see them: the same operations for every kind of resource a slice declared."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.kernel.scope import Scope
from hostreeve.platform.groups import actions, store
from hostreeve.platform.groups.model import RESERVED, TAGS_MAX

ssm = Operations("ssm")
error = ssm.errors


def tagged(scope: Scope, request: dict[str, Any]) -> list[str]:
    """The resource that the request speaks of."""
    taggable = actions.declared(request["ResourceType"])
    return [taggable.arn(scope, request["ResourceId"])] if taggable else ["*"]


@ssm.writes("AddTagsToResource", on=tagged)
def add_tags_to_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Add tags, or change the values of those that exist."""
    arn = _existing(call, request)
    given = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    _refuse_reserved(list(given))
    if len(store.tags_of(call.tx, call.scope, arn) | given) > TAGS_MAX:
        raise error.TooManyTagsError(f"A resource has at most {TAGS_MAX} tags.")
    store.set_tags(call.tx, call.scope, arn, given)
    return {}


@ssm.writes("RemoveTagsFromResource", on=tagged)
def remove_tags_from_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Remove tags by key; keys that are not there are no error."""
    arn = _existing(call, request)
    _refuse_reserved(request["TagKeys"])
    store.remove_tags(call.tx, call.scope, arn, request["TagKeys"])
    return {}


@ssm.reads("ListTagsForResource", on=tagged)
def list_tags_for_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    arn = _existing(call, request)
    tags = store.tags_of(call.tx, call.scope, arn)
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _existing(call: Call, request: dict[str, Any]) -> str:
    taggable = actions.declared(request["ResourceType"])
    if taggable is None:
        raise error.InvalidResourceType(f"Resources of type {request['ResourceType']} do not exist here.")
    if not taggable.exists(call.tx, call.scope, request["ResourceId"]):
        raise error.InvalidResourceId(f"There is no {taggable.resource_type} {request['ResourceId']}.")
    return taggable.arn(call.scope, request["ResourceId"])


def _refuse_reserved(keys: list[str]) -> None:
    reserved = [key for key in keys if key.lower().startswith(RESERVED)]
    if reserved:
        raise error.ValidationException(f"Tag keys that begin with {RESERVED} are reserved: {reserved[0]}")
