"""Tags of instances, as EC2 keeps them; and instances as a kind of resource that is found by tags."""

from collections.abc import Mapping, Sequence

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.compute.model import instance as model
from hostreeve.platform.compute.store import instances as rows

error = ServiceErrors(service("ec2"))


def require(call: Call, action: str, resource_ids: Sequence[str], facts: Mapping[str, list[str]]) -> None:
    """The caller must be allowed this for every resource, whether it exists or not."""
    for resource_id in resource_ids:
        # What is no instance has an ARN that we do not know; whoever may do it to all may know that.
        arn = call.scope.machine_arn(resource_id) if model.is_id(resource_id) else "*"
        call.require(action, [arn], dict(facts))


def tag(call: Call, resource_ids: Sequence[str], tags: Mapping[str, str]) -> None:
    """Give instances tags beside those that they have: all of them or none."""
    arns = _existing(call, resource_ids)
    _refuse_reserved(list(tags))
    groups.refuse_unruly(call.tx, call.scope.account, KIND.service_type, tags)
    known = groups.tags_of_many(call.tx, call.scope, arns)
    for arn in arns:
        if len(known.get(arn, {}) | dict(tags)) > groups.TAGS_MAX:
            raise error.TagLimitExceeded(f"A resource has at most {groups.TAGS_MAX} tags.")
        groups.keep_tags(call.tx, call.scope, arn, tags)
        groups.tell(call, arn)


def untag(call: Call, resource_ids: Sequence[str], tags: Sequence[Mapping[str, str]] | None) -> None:
    """Take tags off: those with this key, and if a value is given, only with that; None takes off all."""
    arns = _existing(call, resource_ids)
    _refuse_reserved([each["Key"] for each in tags or ()])
    known = groups.tags_of_many(call.tx, call.scope, arns)
    for arn in arns:
        has = known.get(arn, {})
        gone = list(has) if tags is None else [each["Key"] for each in tags if _is_meant(each, has)]
        groups.remove_tags(call.tx, call.scope, arn, gone)
        groups.tell(call, arn)


def _is_meant(tag: Mapping[str, str], has: Mapping[str, str]) -> bool:
    return "Value" not in tag or has.get(tag["Key"]) == tag["Value"]


def _existing(call: Call, resource_ids: Sequence[str]) -> list[str]:
    for resource_id in resource_ids:
        if not model.is_id(resource_id):
            raise error.InvalidID(f"The ID '{resource_id[:100]}' is not valid")
    found = {
        each.instance_id
        for each in rows.select(call.tx, call.scope, among=resource_ids, limit=len(resource_ids))
    }
    missing = [each for each in resource_ids if each not in found]
    if missing:
        raise error.InvalidInstanceIDNotFound(f"The instance ID '{missing[0]}' does not exist")
    return [call.scope.machine_arn(each) for each in dict.fromkeys(resource_ids)]


def _refuse_reserved(keys: Sequence[str]) -> None:
    reserved = [key for key in keys if key.lower().startswith(groups.RESERVED)]
    if reserved:
        raise error.InvalidParameterValue(
            f"Tag keys starting with '{groups.RESERVED}' are reserved for internal use"
        )


def _exists(tx: Transaction, scope: Scope, arn: str) -> bool:
    return bool(rows.select(tx, scope, among=[arn.rpartition("/")[2]], limit=1))


def _tag_one(call: Call, arn: str, tags: Mapping[str, str]) -> None:
    call.require("ec2:CreateTags", [arn], groups.tag_facts(tags))
    tag(call, [arn.rpartition("/")[2]], tags)


def _untag_one(call: Call, arn: str, keys: Sequence[str]) -> None:
    call.require("ec2:DeleteTags", [arn], {"aws:TagKeys": list(keys)})
    untag(call, [arn.rpartition("/")[2]], [{"Key": key} for key in keys])


KIND = groups.Kind(
    type_name="AWS::EC2::Instance",
    service_type="ec2:instance",
    prefix=lambda scope: scope.arn("ec2", "instance/"),
    exists=_exists,
    tag=_tag_one,
    untag=_untag_one,
)
