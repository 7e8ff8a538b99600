"""Tags of an organization's root, units, accounts and policies; they lie with the management account."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.organizations.actions import standing, tree
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization, shown_tags
from hostreeve.platform.organizations.model.policies import CONTROL, FULL_ACCESS
from hostreeve.platform.organizations.store import delegations, policies, trees


def asked(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a request brings. InvalidInputException for keys that come twice or are the system's."""
    given: Sequence[Mapping[str, str]] = request.get("Tags") or ()
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len({key.lower() for key in tags}) < len(given):
        raise refusals.invalid(
            "DUPLICATE_TAG_KEY", "Tag keys must be unique; they are compared without case."
        )
    refuse_reserved(list(tags))
    if len(tags) > groups.TAGS_MAX:
        _refuse_too_many()
    return tags


def refuse_reserved(keys: Sequence[str]) -> None:
    reserved = next((key for key in keys if key.lower().startswith(groups.RESERVED)), None)
    if reserved is not None:
        raise refusals.invalid(
            "INVALID_SYSTEM_TAGS_PARAMETER", f"Tag keys that begin with aws: are reserved: {reserved}"
        )


def add(tx: Transaction, organization: Organization, arn: str, tags: dict[str, str]) -> None:
    """Add tags, or give those that exist another value."""
    if len(groups.tags_of(tx, organization.scope, arn) | tags) > groups.TAGS_MAX:
        _refuse_too_many()
    groups.set_tags(tx, organization.scope, arn, tags)


def tag(call: Call, resource_id: str, request: Mapping[str, Any]) -> None:
    """Give the root, a unit, an account or a policy the tags of a request. TargetNotFoundException."""
    found = standing.policy_writer(call, "TagResource", lambda each: arn_of(call.tx, each, resource_id))
    require_existing(call.tx, found, resource_id)
    add(call.tx, found, arn_of(call.tx, found, resource_id), asked(request))


def untag(call: Call, resource_id: str, keys: Sequence[str]) -> None:
    found = standing.policy_writer(call, "UntagResource", lambda each: arn_of(call.tx, each, resource_id))
    require_existing(call.tx, found, resource_id)
    refuse_reserved(keys)
    groups.remove_tags(call.tx, found.scope, arn_of(call.tx, found, resource_id), keys)


def arn_of(tx: Transaction, organization: Organization, resource_id: str) -> str:
    """Of whatever has tags here, there or not. A policy's ARN holds its type: of one that is not there, as a
    control policy's."""
    if resource_id == FULL_ACCESS.policy_id:
        return FULL_ACCESS.arn(organization)
    if resource_id.startswith("p-"):
        found = policies.find(tx, organization.organization_id, resource_id)
        return organization.policy_arn(found.type if found else CONTROL, resource_id)
    if resource_id.startswith("rp-"):
        return organization.own_policy_arn(resource_id)
    return organization.node_arn(resource_id)


def require_existing(tx: Transaction, organization: Organization, resource_id: str) -> None:
    if not _is_there(tx, organization, resource_id):
        raise refusals.no_target()


def _is_there(tx: Transaction, organization: Organization, resource_id: str) -> bool:
    of = organization.organization_id
    if resource_id.startswith("p-"):
        return policies.find(tx, of, resource_id) is not None
    if resource_id.startswith("rp-"):
        own = delegations.own_policy(tx, of)
        return own is not None and own.policy_id == resource_id
    return tree.has_node(tx, organization, resource_id)


def _exists(tx: Transaction, scope: Scope, arn: str) -> bool:
    found, resource_id = trees.of_account(tx, scope.account), _id_of(arn)
    if found is None or not _is_there(tx, found, resource_id):
        return False
    return arn_of(tx, found, resource_id) == arn


def _id_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def _kind(type_name: str, word: str) -> groups.Kind:
    return groups.Kind(
        type_name=f"AWS::Organizations::{type_name}",
        service_type=f"organizations:{word}",
        prefix=lambda scope: Scope(scope.account, GLOBAL).arn("organizations", f"{word}/"),
        exists=_exists,
        tag=lambda call, arn, tags: tag(call, _id_of(arn), {"Tags": shown_tags(tags)}),
        untag=lambda call, arn, keys: untag(call, _id_of(arn), keys),
        is_global=True,
    )


KINDS = (
    _kind("Account", "account"),
    _kind("OrganizationalUnit", "ou"),
    _kind("Policy", "policy"),
    _kind("ResourcePolicy", "resourcepolicy"),
    _kind("Root", "root"),
)
"""What of an organization is found by its tags, from its management account."""


def _refuse_too_many() -> None:
    raise refusals.constraint("MAX_TAG_LIMIT_EXCEEDED", f"A resource has at most {groups.TAGS_MAX} tags.")
