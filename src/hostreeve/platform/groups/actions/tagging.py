"""Tags put on resources and taken off: the rules, the caller's right to it, and the rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.groups.actions import policing
from hostreeve.platform.groups.model.tagging import RESERVED, TAGS_MAX, Kind, Taggable, tag_facts
from hostreeve.platform.groups.store import tags as store

error = ServiceErrors(service("ssm"))

Changed = Callable[[Transaction, Scope, str, int], None]
"""Told, in the same transaction, that a resource's tags have changed: its ARN, and the time in ms."""
_followers: list[Changed] = []


def follow(changed: Changed) -> None:
    """Hear of the tags that callers put on resources and take off."""
    if changed not in _followers:
        _followers.append(changed)


def tell(call: Call, arn: str) -> None:
    """The caller has changed the tags of a resource: whoever follows hears of it."""
    for changed in _followers:
        changed(call.tx, call.scope, arn, call.now_ms)


def kind_of(taggable: Taggable) -> Kind:
    """What ssm lets callers tag, as a kind: found by tags, and tagged with the rights of ssm's operations."""

    def prefix(scope: Scope) -> str:
        return taggable.arn(scope, "")

    def exists(tx: Transaction, scope: Scope, arn: str) -> bool:
        return taggable.exists(tx, scope, taggable.id_of(arn))

    def tag(call: Call, arn: str, tags: Mapping[str, str]) -> None:
        call.require("ssm:AddTagsToResource", [arn], tag_facts(tags))
        add(call, taggable, taggable.id_of(arn), tags)

    def untag(call: Call, arn: str, keys: Sequence[str]) -> None:
        call.require("ssm:RemoveTagsFromResource", [arn], {"aws:TagKeys": list(keys)})
        remove(call, taggable, taggable.id_of(arn), keys)

    return Kind(taggable.type_name, taggable.service_type, prefix, exists, tag, untag)


def add(call: Call, taggable: Taggable, resource_id: str, tags: Mapping[str, str]) -> None:
    """Add tags, or change the values of those that exist. Whether the caller may has been asked.

    InvalidResourceId, TooManyTagsError, TagPolicyException, ValidationException.
    """
    arn = existing(call, taggable, resource_id)
    refuse_reserved(list(tags))
    if len(store.tags_of(call.tx, call.scope, arn) | dict(tags)) > TAGS_MAX:
        raise error.TooManyTagsError(f"A resource has at most {TAGS_MAX} tags.")
    policing.refuse_unruly(call.tx, call.scope.account, taggable.service_type, tags)
    store.set_tags(call.tx, call.scope, arn, tags)
    tell(call, arn)


def remove(call: Call, taggable: Taggable, resource_id: str, keys: Sequence[str]) -> None:
    """Remove tags by key; keys that are not there are no error."""
    arn = existing(call, taggable, resource_id)
    refuse_reserved(keys)
    store.remove_tags(call.tx, call.scope, arn, keys)
    tell(call, arn)


def existing(call: Call, taggable: Taggable, resource_id: str) -> str:
    """The ARN of a resource that is there."""
    if not taggable.exists(call.tx, call.scope, resource_id):
        _refuse_absent(taggable, resource_id)
    return taggable.arn(call.scope, resource_id)


def _refuse_absent(taggable: Taggable, resource_id: str) -> NoReturn:
    raise error.InvalidResourceId(f"There is no {taggable.resource_type} {resource_id}.")


def refuse_reserved(keys: Sequence[str]) -> None:
    reserved = [key for key in keys if key.lower().startswith(RESERVED)]
    if reserved:
        raise error.ValidationException(f"Tag keys that begin with {RESERVED} are reserved: {reserved[0]}")
