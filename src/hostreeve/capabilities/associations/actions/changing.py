"""Associations made, edited, applied on demand and deleted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.associations import lifecycle
from hostreeve.capabilities.associations.actions import checking, complying, tagging
from hostreeve.capabilities.associations.model.association import (
    ASSOCIATIONS_MAX,
    VERSIONS_MAX,
    Association,
    is_rescheduled,
    runs_again,
)
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.scheduling.expressions import Timing, parse

error = ServiceErrors(service("ssm"))

CHANNEL = "associations"
"""The bus channel that wakes the worker."""
LATEST = "$LATEST"


def timing_of(one: Association) -> Timing | None:
    """When it comes by its schedule; None without one. Times are UTC, as all of State Manager's."""
    text = one.wanted.get("ScheduleExpression")
    if text is None:
        return None
    return Timing(parse(text), UTC, one.anchor_ms, one.wanted.get("ScheduleOffset", 0))


def create(call: Call, request: Mapping[str, Any]) -> Association:
    """A new association. It is applied at once, unless it waits for its schedule."""
    checking.require_targets(call, "ssm:CreateAssociation", request)
    if store.count(call.tx, call.scope) >= ASSOCIATIONS_MAX:
        raise error.AssociationLimitExceeded(f"An account has at most {ASSOCIATIONS_MAX} associations.")
    wanted, follows = checking.checked(call, request)
    if "InstanceId" in wanted and not nodes.exists(call.tx, call.scope, wanted["InstanceId"]):
        raise error.InvalidInstanceId(f"There is no node {wanted['InstanceId']}.")
    one = Association(
        account=call.scope.account,
        region=call.scope.region,
        association_id=call.world.uuid(),
        version=1,
        wanted=wanted,
        created_ms=call.now_ms,
        updated_ms=call.now_ms,
        anchor_ms=call.now_ms,
        status="Pending",
        detailed_status="Creating",
        follows=follows,
    )
    one = _first_due(one, call.now_ms)
    tags = _tags(call, one, request)
    if not store.insert(call.tx, one):
        raise error.AssociationAlreadyExists(f"{one.name} is associated with {wanted['InstanceId']} already.")
    if tags:
        groups.set_tags(call.tx, call.scope, tagging.arn(call.scope, one.association_id), tags)
    call.tx.wake(CHANNEL)
    return one


def _tags(call: Call, one: Association, request: Mapping[str, Any]) -> dict[str, str]:
    """The tags that it is made with, if it may have them."""
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    if not tags:
        return {}
    if len(tags) > groups.TAGS_MAX or any(key.lower().startswith(groups.RESERVED) for key in tags):
        raise error.InvalidTag(
            f"At most {groups.TAGS_MAX} tags, and none that begins with {groups.RESERVED}."
        )
    arn = tagging.arn(call.scope, one.association_id)
    call.require("ssm:AddTagsToResource", [arn], groups.tag_facts(tags))
    return tags


def _first_due(one: Association, now_ms: int) -> Association:
    due_ms = lifecycle.first_due_ms(timing_of(one), now_ms, waits=one.waits_for_schedule)
    return replace(one, due_ms=due_ms, reckoned_ms=now_ms)


def update(call: Call, request: Mapping[str, Any]) -> Association:
    """The next version. What the request leaves out is gone, except the document's name."""
    association_id = request["AssociationId"]
    arn = tagging.arn(call.scope, association_id)
    for action in ("ssm:UpdateAssociation", "ssm:DescribeAssociation"):
        call.require(action, [arn])
    before = fetch(call, association_id)
    asked = request.get("AssociationVersion", LATEST)
    if asked not in (LATEST, str(before.version)):
        raise error.InvalidAssociationVersion(
            f"Version {asked} is not the newest of association {association_id}: that is {before.version}."
        )
    if before.version >= VERSIONS_MAX:
        raise error.AssociationVersionLimitExceeded(f"An association has at most {VERSIONS_MAX} versions.")
    after = _next_version(call, before, request)
    if not store.replace(call.tx, after):
        raise error.TooManyUpdates(f"Association {association_id} was updated by somebody else just now.")
    call.tx.wake(CHANNEL)
    return after


def _next_version(call: Call, before: Association, request: Mapping[str, Any]) -> Association:
    asked = {"Name": before.name, **request}
    if "InstanceId" in before.wanted:
        if request.get("Targets"):
            raise error.InvalidUpdate(
                "An association by InstanceId keeps its node: make a new one with Targets."
            )
        asked["InstanceId"] = before.wanted["InstanceId"]
    checking.require_targets(call, "ssm:UpdateAssociation", asked)
    wanted, follows = checking.checked(call, asked, is_new=False)
    after = replace(
        before, version=before.version + 1, wanted=wanted, updated_ms=call.now_ms, follows=follows
    )
    is_new = is_rescheduled(before.wanted, wanted)
    if is_new:
        after = replace(after, anchor_ms=call.now_ms)
    if not runs_again(before.wanted, wanted):
        # A time that has come and was not noticed yet stays, unless it is another schedule now.
        return _first_due(after, call.now_ms) if is_new else after
    pending = replace(after, status="Pending", detailed_status="Associated")
    return pending if after.waits_for_schedule and not is_new else _first_due(pending, call.now_ms)


def start_once(call: Call, association_ids: list[str]) -> None:
    """Apply associations now, whatever their schedules say."""
    for association_id in association_ids:
        call.require("ssm:StartAssociationsOnce", [tagging.arn(call.scope, association_id)])
        fetch(call, association_id)
    for association_id in association_ids:
        _wish(call.tx, call.scope, association_id, call.now_ms)
    call.tx.wake(CHANNEL)


def delete(call: Call, one: Association) -> None:
    """What runs goes on; its history is gone with it."""
    store.delete(call.tx, call.scope, one.association_id)
    complying.forget(call.tx, call.scope, one.association_id, call.now_ms)
    groups.forget(call.tx, call.scope, tagging.arn(call.scope, one.association_id))


def fetch(call: Call, association_id: str) -> Association:
    found = store.find(call.tx, call.scope, association_id)
    if found is None:
        raise _absent(association_id)
    return found


def chosen(call: Call, request: Mapping[str, Any]) -> Association:
    """By AssociationId, or by Name and InstanceId."""
    if "AssociationId" in request:
        return fetch(call, request["AssociationId"])
    name, instance_id = request.get("Name"), request.get("InstanceId")
    if not name or not instance_id:
        raise error.ValidationException("Give AssociationId, or Name and InstanceId.")
    found = store.find_legacy(call.tx, call.scope, name, instance_id)
    if found is None:
        raise _absent(f"of {name} with {instance_id}")
    return found


def moment_ms(text: str) -> float:
    """A time as filters give it. ValidationException."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000
    except (ValueError, OverflowError):
        raise error.ValidationException(f"{text[:40]} is not a time such as 2026-11-28T12:00:00Z.") from None


def _absent(which: str) -> Exception:
    return error.AssociationDoesNotExist(f"There is no association {which}.")


def changed(tx: Transaction, one: Association, now_ms: int) -> None:
    """Something that it is made of has changed: it is applied again, now or with its schedule."""
    if not one.waits_for_schedule:
        _wish(tx, one.scope, one.association_id, now_ms)
        tx.wake(CHANNEL)


def _wish(tx: Transaction, scope: Scope, association_id: str, now_ms: int) -> None:
    """It is due now, whatever its schedule says."""
    store.move(tx, scope, association_id, due_ms=now_ms, reckoned_ms=now_ms)
