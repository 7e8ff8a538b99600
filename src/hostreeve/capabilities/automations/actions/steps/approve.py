"""aws:approve: until enough of those who are named have approved, or one has rejected."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.capabilities.automations.actions.house import At, Momentary, number_of, text_of, texts_of
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded, Unfit, Waits
from hostreeve.kernel.scope import PARTITION

APPROVERS_MAX = 10
MESSAGE_CHARS_MAX = 4096
APPROVED, REJECTED, WAITING = "Approved", "Rejected", "Waiting"
NOTIFICATION = "Automation Approval Notification"
"""Our name of what is to be published to the topic of NotificationArn."""
TOPIC_PREFIX = "Automation"


class Approve(Momentary):
    """Decisions are in the memory of the step; each principal has one."""

    def start(self, at: At) -> Outcome:
        approvers = texts_of(at.inputs, "Approvers")
        if not 1 <= len(approvers) <= APPROVERS_MAX:
            raise Unfit(f"Approvers takes 1 to {APPROVERS_MAX} principals.")
        needed = number_of(at.inputs, "MinRequiredApprovals", 1, 1, len(approvers))
        if len(text_of(at.inputs, "Message", "")) > MESSAGE_CHARS_MAX:
            raise Unfit(f"Message takes at most {MESSAGE_CHARS_MAX} characters.")
        _check_topic(text_of(at.inputs, "NotificationArn", ""))
        memory = {"approvers": approvers, "needed": needed, "decisions": []}
        return Waits(is_waiting=True, memory=memory, outputs=_outputs(WAITING, []))

    def look(self, at: At) -> Outcome:
        decisions = at.memory["decisions"]
        if any(each["decision"] == REJECTED for each in decisions):
            who = next(each for each in decisions if each["decision"] == REJECTED)
            said = f" {who['comment']}" if who.get("comment") else ""
            failure = outcomes.failed(f"The approval was rejected by {who['approver']}.{said}")
            return Broken(failure=failure, outputs=_outputs(REJECTED, decisions))
        if len(decisions) >= at.memory["needed"]:
            return Succeeded(outputs=_outputs(APPROVED, decisions))
        return Waits(is_waiting=True, outputs=_outputs(WAITING, decisions))


def may_decide(approvers: list[str], who: Principal) -> bool:
    """Whether one of the approvers is this principal: a user by name or ARN, a role by its ARN or that of the
    session."""
    user = f"arn:{PARTITION}:iam::{who.account}:user/"
    name = who.arn.rpartition("/")[2] if who.arn.startswith(user) else ""
    return any(each in (who.arn, who.role_arn) or (name and each == name) for each in approvers if each)


def _outputs(status: str, decisions: list[Mapping[str, Any]]) -> dict[str, Any]:
    shown = [
        {"approver": each["approver"], "decision": each["decision"], "comment": each.get("comment", "")}
        for each in decisions
    ]
    return {"ApprovalStatus": status, "ApproverDecisions": shown}


def _check_topic(arn: str) -> None:
    if not arn:
        return
    if arn.count(":") != 5 or ":sns:" not in arn or not arn.rpartition(":")[2].startswith(TOPIC_PREFIX):
        raise Unfit(f"NotificationArn must be a topic whose name begins with {TOPIC_PREFIX}.")
    raise Unfit("NotificationArn needs the service Amazon SNS, which is not available in this version.")
