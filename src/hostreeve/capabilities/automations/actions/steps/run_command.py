"""aws:runCommand: a command, sent in the transaction that says so, and followed to its end."""

from typing import Any

from hostreeve.capabilities import commands
from hostreeve.capabilities.automations.actions.house import (
    At,
    Momentary,
    map_of,
    number_of,
    text_of,
    texts_of,
)
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model import values
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded, Unfit, Waits
from hostreeve.capabilities.automations.model.status import Status

OWNER = "automation"
INSTANCES_MAX = 50
OUTPUT_CHARS_MAX = 2_500
_PASSED_ON = (
    "CloudWatchOutputConfig",
    "DocumentHash",
    "DocumentHashType",
    "DocumentVersion",
    "NotificationConfig",
    "MaxConcurrency",
    "MaxErrors",
    "ServiceRoleArn",
)
_GOES_ON = ("Pending", "InProgress", "Cancelling")
_OUTCOMES = {
    "ExecutionTimedOut": Status.TIMED_OUT,
    "DeliveryTimedOut": Status.TIMED_OUT,
}


class RunCommand(Momentary):
    """The command carries the id of the step, and is there exactly when the step has begun: never twice."""

    is_repeatable = False

    def start(self, at: At) -> Outcome:
        sent = commands.send(
            at.call(),
            request_of(at),
            owner=f"{OWNER}:{at.one.execution_id}/{at.step_id}",
            asks_leave=True,
        )
        command_id = sent.command.command_id
        return Waits(memory={"command_id": command_id}, outputs={"CommandId": command_id})

    def look(self, at: At) -> Outcome:
        command_id = at.memory["command_id"]
        row = commands.command(at.tx, at.one.scope, command_id)
        if row is None:
            return Broken(failure=outcomes.failed(f"The command {command_id} is not there any more"))
        if row.status in _GOES_ON:
            return Waits()
        outputs = {"CommandId": command_id, "Status": commands.shown(row.status), **_results(at, row)}
        response_code = str(outputs["ResponseCode"])
        if row.status == commands.CommandStatus.SUCCESS:
            return Succeeded(outputs=outputs, answer=outputs, response_code=response_code)
        tally = row.tally
        why = f"The command {command_id} ended as {row.status}: {tally.errors} of {tally.total} nodes failed"
        return Broken(
            failure=outcomes.unverified(why),
            outputs=outputs,
            response_code=response_code,
            status=_OUTCOMES.get(str(row.status), Status.FAILED),
        )

    def cancel(self, at: At) -> None:
        if "command_id" in at.memory:
            commands.cancel(at.tx, at.one.scope, at.memory["command_id"], at.now_ms)


def request_of(at: At) -> dict[str, Any]:
    """SendCommand's request. Unfit."""
    inputs = at.inputs
    request: dict[str, Any] = {"DocumentName": text_of(inputs, "DocumentName")}
    ids, targets = texts_of(inputs, "InstanceIds"), inputs.get("Targets")
    if bool(ids) == bool(targets):
        raise Unfit("Give either InstanceIds or Targets.")
    if len(ids) > INSTANCES_MAX:
        raise Unfit(f"InstanceIds takes at most {INSTANCES_MAX} ids.")
    request |= {"InstanceIds": ids} if ids else {"Targets": _targets(targets)}
    request["Parameters"] = values.all_listed(map_of(inputs, "Parameters"))
    if "Comment" in inputs:
        request["Comment"] = text_of(inputs, "Comment")[:100]
    if "TimeoutSeconds" in inputs:
        request["TimeoutSeconds"] = number_of(inputs, "TimeoutSeconds", 3_600, 30, 2_592_000)
    if inputs.get("OutputS3BucketName"):
        request["OutputS3BucketName"] = text_of(inputs, "OutputS3BucketName")
    if inputs.get("OutputS3KeyPrefix"):
        request["OutputS3KeyPrefix"] = text_of(inputs, "OutputS3KeyPrefix")
    return request | {name: inputs[name] for name in _PASSED_ON if inputs.get(name)}


def _targets(targets: Any) -> list[dict[str, Any]]:
    listed = targets if isinstance(targets, list) else [targets]
    made = []
    for each in listed:
        if not isinstance(each, dict) or not isinstance(each.get("Key"), str):
            raise Unfit("Targets must be a list of maps of Key and Values.")
        made.append({"Key": each["Key"], "Values": texts_of(each, "Values")})
    return made


def _results(at: At, row: commands.CommandRow) -> dict[str, Any]:
    """The worst response code, and what the commands printed, as far as AWS shows it."""
    found = commands.printed(at.tx, at.one.scope, row.command, INSTANCES_MAX)
    texts = [text for _, text in found]
    codes = [code for code, _ in found if code != 0]
    return {"ResponseCode": codes[0] if codes else 0, "Output": "\n".join(texts)[:OUTPUT_CHARS_MAX]}
