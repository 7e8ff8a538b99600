"""As whom an execution does something: the role that its runbook assumes, or whoever began it."""

import msgspec

from hostreeve.api.call import Call, Principal, Sealer
from hostreeve.api.errors import ServiceErrors, common
from hostreeve.api.service_models import service
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.kernel.scope import PARTITION
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity

error = ServiceErrors(service("ssm"))

SERVICE = "ssm.amazonaws.com"
SESSION_MS = 12 * 3_600_000
"""How long an execution may go on as the user who began it; one that takes longer needs a role."""
BAD_ARN = "The format of the supplied assume role ARN is invalid."
UNABLE = "The defined assume role is unable to be assumed."


def check_role(call: Call, role_arn: str) -> None:
    """Whether the caller may hand the role to Automation, and Automation may become it.

    AccessDeniedException without iam:PassRole; InvalidAutomationExecutionParametersException for what is no
    role of this account, is not there, or does not trust Systems Manager.
    """
    role_of(call.tx, call.scope.account, role_arn)
    call.require("iam:PassRole", [role_arn], {"iam:PassedToService": [SERVICE]})
    role = role_of(call.tx, call.scope.account, role_arn)
    if role is None or not identity.trusts(role, SERVICE):
        raise error.InvalidAutomationExecutionParametersException(UNABLE)


def role_of(tx: Transaction, account: str, role_arn: str) -> identity.Identity | None:
    """The role, if there is one of that ARN. InvalidAutomationExecutionParametersException for no ARN."""
    head = f"arn:{PARTITION}:iam::{account}:role/"
    parts = role_arn.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "iam" or not parts[5].startswith("role/"):
        raise error.InvalidAutomationExecutionParametersException(BAD_ARN)
    if "*" in role_arn or not role_arn.startswith(head):
        raise error.InvalidAutomationExecutionParametersException(UNABLE)
    found = identity.find_role(tx, account, role_arn.removeprefix(head))
    return found if found is not None and found.arn == role_arn else None


def call_with_role(call: Call, role_arn: str) -> Call:
    """The same call as the role, once `check_role` has found that it may be."""
    role = role_of(call.tx, call.scope.account, role_arn)
    assert role is not None, "the role was there a moment ago"
    who = identity.session_of(role, "Automation")
    return identity.act_for(
        call.tx, call.scope, who, service=SERVICE, world=call.world, keys=call.keys, now_ms=call.now_ms
    )


def who_acts(tx: Transaction, one: Execution, now_ms: int) -> Principal:
    """The principal of the runbook's own calls. AccessDeniedException, ExpiredTokenException."""
    if not one.asked.assume_role:
        return who_began(tx, one, now_ms)
    role = role_of(tx, one.account, one.asked.assume_role)
    if role is None or not identity.trusts(role, SERVICE):
        raise common.AccessDeniedException(f"{UNABLE} {one.asked.assume_role}")
    return identity.session_of(role, f"Automation-{one.execution_id}")


def who_began(tx: Transaction, one: Execution, now_ms: int) -> Principal:
    """The principal who began it, for what is done in their name. ExpiredTokenException after 12 hours."""
    who = msgspec.convert(one.asked.principal, Principal)
    # What Systems Manager itself begins as a role of a service has no session that ends.
    is_ours = who.role_arn and who.session is None
    if now_ms >= one.started_ms + SESSION_MS and not is_ours:
        raise common.ExpiredTokenException(
            "An execution without an assume role goes on for 12 hours at most as the user who began it."
        )
    return who


def call_as(
    tx: Transaction, one: Execution, who: Principal, *, world: World, keys: Sealer, now_ms: int
) -> Call:
    """A call of that principal in the execution's account and Region."""
    return identity.act_for(tx, one.scope, who, service=SERVICE, world=world, keys=keys, now_ms=now_ms)
