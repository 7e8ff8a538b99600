"""Policies of an organization: made, changed, attached; whoever they limit is limited from the commit on."""

import msgspec

from hostreeve.api.call import Call
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity
from hostreeve.platform.organizations.actions import tree
from hostreeve.platform.organizations.actions.limits import attached_policies
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization, is_account
from hostreeve.platform.organizations.model.policies import (
    ATTACHED_MAX,
    CONTROL,
    FULL_ACCESS,
    POLICIES_MAX,
    Policy,
    new_policy_id,
    require_content,
    require_served,
)
from hostreeve.platform.organizations.model.tag_policies import merged
from hostreeve.platform.organizations.store import policies

error = refusals.error


def fetch(tx: Transaction, organization: Organization, policy_id: str) -> Policy:
    if policy_id == FULL_ACCESS.policy_id:
        return FULL_ACCESS
    found = policies.find(tx, organization.organization_id, policy_id)
    if found is None:
        raise error.PolicyNotFoundException("We can't find a policy with the PolicyId that you specified.")
    return found


def create(
    call: Call, organization: Organization, *, policy_type: str, name: str, description: str, content: str
) -> Policy:
    require_served(policy_type)
    require_content(policy_type, content)
    if policies.count(call.tx, organization.organization_id, policy_type) >= POLICIES_MAX[policy_type]:
        raise refusals.constraint(
            "POLICY_NUMBER_LIMIT_EXCEEDED",
            f"An organization has at most {POLICIES_MAX[policy_type]} policies of type {policy_type}.",
        )
    policy = Policy(
        organization_id=organization.organization_id,
        policy_id=new_policy_id(call.world),
        type=policy_type,
        name=name,
        description=description,
        content=content,
        updated_ms=call.now_ms,
    )
    if name == FULL_ACCESS.name or not policies.insert(call.tx, policy):
        raise _named_alike()
    return policy


def update(
    call: Call,
    organization: Organization,
    policy_id: str,
    *,
    name: str | None,
    description: str | None,
    content: str | None,
) -> Policy:
    policy = _own(call.tx, organization, policy_id)
    if content is not None:
        require_content(policy.type, content)
    changed = msgspec.structs.replace(
        policy,
        name=policy.name if name is None else name,
        description=policy.description if description is None else description,
        content=policy.content if content is None else content,
        updated_ms=call.now_ms,
    )
    other = policies.find_named(call.tx, organization.organization_id, policy.type, changed.name)
    if changed.name == FULL_ACCESS.name or (other is not None and other.policy_id != policy_id):
        raise _named_alike()
    policies.replace(call.tx, changed)
    _stamp(call.tx, organization, organization.root_id, f"{changed}")
    return changed


def delete(call: Call, organization: Organization, policy_id: str) -> None:
    policy = _own(call.tx, organization, policy_id)
    if policies.targets(call.tx, organization.organization_id, policy_id, after="", limit=1):
        raise error.PolicyInUseException(
            "The policy is attached to one or more entities. You must detach it from all roots, OUs, and "
            "accounts before performing this operation."
        )
    policies.delete(call.tx, organization.organization_id, policy_id)
    groups.forget(call.tx, organization.scope, policy.arn(organization))


def attach(call: Call, organization: Organization, policy_id: str, target_id: str) -> None:
    policy = fetch(call.tx, organization, policy_id)
    require_target(call.tx, organization, target_id)
    of = organization.organization_id
    if policy.type not in policies.enabled(call.tx, of):
        raise error.PolicyTypeNotEnabledException(
            f"The policy type {policy.type} isn't currently enabled in the root. Enable it with "
            "EnablePolicyType."
        )
    there = policies.attached(call.tx, of, target_id, policy.type)
    if policy_id in there:
        raise error.DuplicatePolicyAttachmentException(
            "The selected policy is already attached to the target."
        )
    if len(there) >= ATTACHED_MAX[policy.type]:
        raise refusals.constraint(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            f"You can attach at most {ATTACHED_MAX[policy.type]} policies of type {policy.type} to a target.",
        )
    policies.attach(call.tx, of, target_id, policy.type, policy_id)
    _stamp(call.tx, organization, target_id, f"attached {policy_id} to {target_id}")


def detach(call: Call, organization: Organization, policy_id: str, target_id: str) -> None:
    policy = fetch(call.tx, organization, policy_id)
    require_target(call.tx, organization, target_id)
    of = organization.organization_id
    there = policies.attached(call.tx, of, target_id, policy.type)
    if policy_id not in there:
        raise error.PolicyNotAttachedException("The policy isn't attached to the specified target.")
    if policy.type == CONTROL and len(there) == 1:
        raise refusals.constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot remove the last policy of type SERVICE_CONTROL_POLICY attached to a target.",
        )
    policies.detach(call.tx, of, target_id, policy_id)
    _stamp(call.tx, organization, target_id, f"detached {policy_id} from {target_id}")


def enable_type(call: Call, organization: Organization, policy_type: str) -> None:
    require_served(policy_type)
    if not policies.enable(call.tx, organization.organization_id, policy_type):
        raise error.PolicyTypeAlreadyEnabledException(
            "The specified policy type is already enabled in the specified root."
        )
    if policy_type == CONTROL:
        policies.attach_everywhere(call.tx, organization.organization_id, CONTROL, FULL_ACCESS.policy_id)
    _stamp(call.tx, organization, organization.root_id, f"enabled {policy_type}")


def disable_type(call: Call, organization: Organization, policy_type: str) -> None:
    """Everything of the type is detached: enabled again, it begins with FullAWSAccess alone."""
    if not policies.disable(call.tx, organization.organization_id, policy_type):
        raise error.PolicyTypeNotEnabledException(
            f"The policy type {policy_type} isn't currently enabled in this root."
        )
    policies.detach_all_of_type(call.tx, organization.organization_id, policy_type)
    _stamp(call.tx, organization, organization.root_id, f"disabled {policy_type}")


def effective_policy(
    tx: Transaction, organization: Organization, account: str, policy_type: str
) -> tuple[str, int]:
    """What the policies on the way to an account say together, and when one of them last changed, in ms.

    EffectivePolicyNotFoundException when none is attached.
    """
    levels = [
        attached_policies(tx, organization.organization_id, node, policy_type)
        for node in tree.path_of(tx, organization, account)
    ]
    if not any(levels):
        raise error.EffectivePolicyNotFoundException(
            "There is no policy of the specified type attached to the account or inherited by it."
        )
    updated_ms = max(policy.updated_ms for level in levels for policy in level)
    return merged([policy.content for policy in level] for level in levels), updated_ms


def require_target(tx: Transaction, organization: Organization, target_id: str) -> None:
    if not tree.has_node(tx, organization, target_id):
        raise refusals.no_target()


def _own(tx: Transaction, organization: Organization, policy_id: str) -> Policy:
    policy = fetch(tx, organization, policy_id)
    if policy.is_of_aws:
        raise refusals.invalid(
            "IMMUTABLE_POLICY", "The policy is managed by Amazon Web Services and can't be modified."
        )
    return policy


def _stamp(tx: Transaction, organization: Organization, target_id: str, trace: str) -> None:
    """Whoever lies below the target reads its limits anew; an account alone when it is the target."""
    identity.stamp(tx, target_id if is_account(target_id) else organization.organization_id, trace)


def _named_alike() -> Exception:
    return error.DuplicatePolicyException("A policy with the same name already exists.")
