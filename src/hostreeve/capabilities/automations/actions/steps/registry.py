"""The actions that there are, each in a file of its own, and those whose service is not there yet."""

from collections.abc import Mapping

from hostreeve.capabilities.automations.actions.house import Action
from hostreeve.capabilities.automations.actions.steps import (
    approve,
    assert_property,
    branch,
    change_instance_state,
    create_tags,
    execute_automation,
    execute_aws_api,
    execute_script,
    invoke_webhook,
    pause,
    run_command,
    sleep,
    update_variable,
    wait_for_property,
)

ACTIONS: Mapping[str, Action] = {
    "aws:approve": approve.Approve(),
    "aws:assertAwsResourceProperty": assert_property.AssertProperty(),
    "aws:branch": branch.Branch(),
    "aws:changeInstanceState": change_instance_state.ChangeInstanceState(),
    "aws:createTags": create_tags.CreateTags(),
    "aws:executeAutomation": execute_automation.ExecuteAutomation(),
    "aws:executeAwsApi": execute_aws_api.ExecuteAwsApi(),
    "aws:executeScript": execute_script.ExecuteScript(),
    "aws:invokeWebhook": invoke_webhook.InvokeWebhook(),
    "aws:pause": pause.Pause(),
    "aws:runCommand": run_command.RunCommand(),
    "aws:sleep": sleep.Sleep(),
    "aws:updateVariable": update_variable.UpdateVariable(),
    "aws:waitForAwsResourceProperty": wait_for_property.WaitForProperty(),
}

NEEDS: Mapping[str, str] = {
    "aws:copyImage": "Amazon EC2 (images)",
    "aws:createImage": "Amazon EC2 (images)",
    "aws:createStack": "AWS CloudFormation",
    "aws:deleteImage": "Amazon EC2 (images)",
    "aws:deleteStack": "AWS CloudFormation",
    "aws:executeStateMachine": "AWS Step Functions",
    "aws:invokeLambdaFunction": "AWS Lambda",
    "aws:runInstances": "Amazon EC2 (starting instances)",
}
"""What an action would need that this version does not have."""

ANSWERS_ANYTHING = frozenset({"aws:executeScript"})
"""Actions whose answer may lack what an output names: branches ask whether it is there."""


CALLS_ANYTHING = frozenset({"aws:executeAwsApi"})
"""Actions that can do something to the execution that they are a step of. They are done at once."""

_STAND_INS: dict[str, Action] = {}


def stand_in(name: str, action: Action) -> None:
    """Have steps of this kind carried out otherwise in this process."""
    _STAND_INS[name] = action


def is_recorded(name: str) -> bool:
    """Whether steps of this kind come to what they came to before: nothing is selected from an answer."""
    return getattr(_STAND_INS.get(name), "is_recorded", False)


def action_of(name: str) -> Action | None:
    return _STAND_INS.get(name) or ACTIONS.get(name)


def fills(name: str) -> bool:
    """Whether its inputs are filled in before it begins."""
    action = action_of(name)
    return action.fills if action is not None else name != "aws:loop"


def missing(name: str) -> str:
    """Why there is no such action."""
    what = NEEDS.get(name, "an action that AWS does not document")
    return f"{name} needs the service {what}, which is not available in this version"
