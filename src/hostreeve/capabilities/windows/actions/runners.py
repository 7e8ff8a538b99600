"""What does the work of a task, by its type. Run Command is here; other services open their door when they
come."""

import base64
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from hostreeve.api.call import Call
from hostreeve.capabilities import automations, commands
from hostreeve.capabilities.windows.model import pseudo
from hostreeve.capabilities.windows.model.execution import NO_INVOCATIONS, Place, Status
from hostreeve.capabilities.windows.model.window import (
    AUTOMATION,
    INSTANCES,
    LAMBDA,
    RUN_COMMAND,
    STEP_FUNCTIONS,
    Task,
)
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

OWNER = "window"
COMMENT_CHARS_MAX = 100
SERVICES = {
    LAMBDA: "AWS Lambda",
    STEP_FUNCTIONS: "AWS Step Functions",
}


class Outcome(Struct, frozen=True):
    """How a run ended: what it was done to, and on how many of those it failed."""

    status: Status
    details: str = ""
    resources: int = 1
    errors: int = 0


class Runner(Protocol):
    """A service that runs tasks. All of it happens in the transaction that is given."""

    def start(self, call: Call, task: Task, place: Place, parameters: dict[str, Any], owner: str) -> str:
        """Begin, and answer the run's id. `parameters` are what `parameters_of` made; who runs for `owner`
        (`window:<execution>`) tells `windows.ended` when it is over. AwsError when it cannot begin."""
        ...

    def look(self, tx: Transaction, scope: Scope, run_id: str) -> Outcome | None:
        """How the run ended; None while it goes on."""
        ...

    def cancel(self, tx: Transaction, scope: Scope, run_id: str, now_ms: int) -> None:
        """Ask it to stop."""
        ...


class RunCommand:
    """Tasks that are commands."""

    def start(self, call: Call, task: Task, place: Place, parameters: dict[str, Any], owner: str) -> str:
        wanted = task.own_parameters
        request: dict[str, Any] = {member: wanted[member] for member in _PASSED_ON if member in wanted}
        request |= {
            "DocumentName": parameters["documentName"],
            "Parameters": parameters["parameters"],
            "MaxConcurrency": task.max_concurrency,
            "MaxErrors": task.max_errors,
            **_output(task),
        }
        if "comment" in parameters:
            request["Comment"] = parameters["comment"][:COMMENT_CHARS_MAX]
        if len(place.targets) == 1 and place.targets[0]["Key"] == INSTANCES:
            request["InstanceIds"] = place.targets[0]["Values"]
        else:
            request["Targets"] = place.targets
        sent = commands.send(call, request, owner=owner, asks_leave=True)
        return sent.command.command_id

    def look(self, tx: Transaction, scope: Scope, run_id: str) -> Outcome | None:
        row = commands.command(tx, scope, run_id)
        if row is None:
            return Outcome(Status.FAILED, f"The command {run_id} is not there any more.")
        if row.status in _GOES_ON:
            return None
        tally = row.tally
        if row.status == commands.CommandStatus.NO_INSTANCES_IN_TAG:
            return Outcome(Status.SUCCESS, NO_INVOCATIONS, resources=0)
        status = _OUTCOMES.get(row.status, Status.FAILED)
        details = "" if status is Status.SUCCESS else str(row.status)
        return Outcome(status, details, resources=tally.total, errors=tally.errors)

    def cancel(self, tx: Transaction, scope: Scope, run_id: str, now_ms: int) -> None:
        commands.cancel(tx, scope, run_id, now_ms)


class Automation:
    """Tasks that are runbooks: one execution per target, whose id stands in the parameters."""

    def start(self, call: Call, task: Task, place: Place, parameters: dict[str, Any], owner: str) -> str:
        request: dict[str, Any] = {
            "DocumentName": parameters["documentName"],
            "Parameters": parameters["parameters"],
        }
        if "documentVersion" in parameters:
            request["DocumentVersion"] = parameters["documentVersion"]
        return automations.start(call, request, automations.Origin(owner=owner)).execution_id

    def look(self, tx: Transaction, scope: Scope, run_id: str) -> Outcome | None:
        found = automations.find(tx, scope, run_id)
        if found is None:
            return Outcome(Status.FAILED, f"The execution {run_id} is not there any more.", errors=1)
        if not found.has_ended:
            return None
        status = _ENDS[found.status]
        failed = status in (Status.FAILED, Status.TIMED_OUT)
        return Outcome(status, found.state.failure, errors=int(failed))

    def cancel(self, tx: Transaction, scope: Scope, run_id: str, now_ms: int) -> None:
        found = automations.find(tx, scope, run_id)
        if found is not None:
            automations.cancel(tx, found, now_ms)


_ENDS = {
    automations.Status.SUCCESS: Status.SUCCESS,
    automations.Status.FAILED: Status.FAILED,
    automations.Status.TIMED_OUT: Status.TIMED_OUT,
    automations.Status.CANCELLED: Status.CANCELLED,
}
_GOES_ON = ("Pending", "InProgress", "Cancelling")
_OUTCOMES = {
    "Success": Status.SUCCESS,
    "Cancelled": Status.CANCELLED,
    "ExecutionTimedOut": Status.TIMED_OUT,
    "DeliveryTimedOut": Status.TIMED_OUT,
}
_PASSED_ON = (
    "CloudWatchOutputConfig",
    "DocumentHash",
    "DocumentHashType",
    "DocumentVersion",
    "NotificationConfig",
    "ServiceRoleArn",
    "TimeoutSeconds",
)

_SNAPSHOT = "SnapshotId"
_OF_SNAPSHOTS = ("AWS-RunPatchBaseline", "AWS-RunPatchBaselineWithHooks", "AWS-ApplyPatchBaseline")

_runners: dict[str, Runner] = {RUN_COMMAND: RunCommand(), AUTOMATION: Automation()}


def open_door(task_type: str, runner: Runner) -> None:
    """Let a service run the tasks of a type."""
    _runners[task_type] = runner


def runner_of(task_type: str) -> Runner | None:
    return _runners.get(task_type)


def missing(task_type: str) -> str:
    """Why a task of this type cannot run."""
    return f"The service {SERVICES[task_type]}, which this task needs, is not available in this version."


def parameters_of(task: Task, place: Place, known: Mapping[str, str]) -> dict[str, Any]:
    """What an invocation is run with, pseudo-parameters put in: AWS shows it as the invocation's
    Parameters."""
    wanted: dict[str, Any] = pseudo.put_in(task.own_parameters, known)
    if task.task_type == RUN_COMMAND:
        legacy = {name: each["Values"] for name, each in pseudo.put_in(task.task_parameters, known).items()}
        shown = {
            "documentName": task.task_arn,
            **({"instanceIds": place.node_ids} if place.node_ids else {"targets": place.targets}),
            "maxConcurrency": task.max_concurrency,
            "maxErrors": task.max_errors,
            "parameters": _with_snapshot(task, wanted.get("Parameters", legacy), known),
        }
        return shown | ({"comment": wanted["Comment"]} if wanted.get("Comment") else {})
    if task.task_type == AUTOMATION:
        shown = {"documentName": task.task_arn, "parameters": wanted.get("Parameters", {})}
        version = wanted.get("DocumentVersion")
        return shown | ({"documentVersion": version} if version else {})
    if task.task_type == LAMBDA:
        return {"functionName": task.task_arn, **_function(task.own_parameters, known)}
    name = {"name": wanted["Name"]} if wanted.get("Name") else {}
    return {"stateMachineArn": task.task_arn, "input": wanted.get("Input", "{}"), **name}


def _with_snapshot(
    task: Task, parameters: Mapping[str, list[str]], known: Mapping[str, str]
) -> dict[str, list[str]]:
    """AWS: nodes that are patched in one opening of a window share a snapshot: its id is the execution's."""
    filled = dict(parameters)
    if task.task_arn.rpartition("/")[2] in _OF_SNAPSHOTS and filled.get(_SNAPSHOT, [""]) == [""]:
        filled[_SNAPSHOT] = [known["WINDOW_EXECUTION_ID"]]
    return filled


def _function(wanted: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """A payload is bytes; pseudo-parameters are put in where it is text."""
    shown = {name: wanted[name] for name in ("ClientContext", "Qualifier") if name in wanted}
    if "Payload" not in wanted:
        return shown
    try:
        payload = base64.b64decode(wanted["Payload"]).decode()
        return shown | {"payload": pseudo.put_in(payload, known)}
    except UnicodeDecodeError:
        return shown | {"payload": wanted["Payload"]}


def _output(task: Task) -> dict[str, str]:
    """Where output goes: as the task's own parameters say, or the older LoggingInfo."""
    wanted = task.own_parameters
    if "OutputS3BucketName" in wanted:
        names = ("OutputS3BucketName", "OutputS3KeyPrefix")
        return {name: wanted[name] for name in names if name in wanted}
    logging = task.logging_info or {}
    place = {
        "OutputS3BucketName": logging.get("S3BucketName"),
        "OutputS3KeyPrefix": logging.get("S3KeyPrefix"),
    }
    return {name: value for name, value in place.items() if value}
