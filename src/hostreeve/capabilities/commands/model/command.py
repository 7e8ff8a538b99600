"""A command, its invocations and the results of their steps, as values, and how AWS callers see them."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from hostreeve.capabilities.commands.model.status import Status, Tally, shown

STDOUT_CHARS_MAX = 24_000
STDERR_CHARS_MAX = 8_000
OUTPUT_CHARS_MAX = 2_500
"""What the API shows of a step's output; the rest is one GetCommandOutput away."""

TRUNCATED = "--output truncated--"

IDS_MAX = 50
TIMEOUT_S = 3_600
EXECUTION_TIMEOUT_S = 3_600
EXECUTION_TIMEOUT_S_MIN = 5
EXECUTION_TIMEOUT_S_MAX = 172_800
STEPS_PER_REPLY_MAX = 200
STREAM_BYTES_MAX = 1 << 30
"""The end of what is kept of one stream of one step."""

TERMINAL_STEP = frozenset({"Success", "Failed", "TimedOut", "Cancelled", "Skipped"})


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command as it was asked for; none of this changes afterwards. Times are milliseconds.

    `document_version` is what the caller asked for ("" when nothing); `steps` are (step id, plugin) in order.
    `principal` is who sent it and `source_ip` from where, for authorising targets that are found later.
    `owner` is what in this system sent it, `kind:reference`. `asks_leave`: targets that are found later are
    asked about; otherwise they were allowed when the owner was made.
    `output_s3_prefix` has no slash at either end; `notification` is NotificationConfig, {} for none.
    """

    command_id: str
    document_name: str
    document_version: str
    comment: str
    parameters: dict[str, list[str]]
    instance_ids: list[str]
    targets: list[dict[str, Any]]
    requested_ms: int
    expires_ms: int
    timeout_s: int
    max_concurrency: str
    max_errors: str
    steps: list[tuple[str, str]]
    platform_types: list[str]
    principal: dict[str, Any]
    source_ip: str
    owner: str = ""
    asks_leave: bool = True
    output_s3_bucket: str = ""
    output_s3_prefix: str = ""
    output_s3_region: str = ""
    service_role: str = ""
    notification: dict[str, Any] = {}
    log_group: str = ""
    is_logged: bool = False


class CommandRow(Struct, frozen=True, kw_only=True):
    """A command with where it stands."""

    command: Command
    status: str
    tally: Tally


class Invocation(Struct, frozen=True, kw_only=True):
    """A command on one node. `status` is StatusDetails' value."""

    command_id: str
    node_id: str
    node_name: str
    status: Status
    trace: str
    requested_ms: int


class Step(Struct, frozen=True, kw_only=True):
    """What a node reported about one step. Byte counts are None when the agent does not tell them."""

    step_id: str
    plugin: str
    status: str
    code: int
    started_ms: int | None
    ended_ms: int | None
    output: str
    stdout: str
    stderr: str
    stdout_bytes: int | None
    stderr_bytes: int | None

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL_STEP


def described_command(row: CommandRow) -> dict[str, Any]:
    """The members of AWS's Command."""
    command, tally = row.command, row.tally
    return {
        "CommandId": command.command_id,
        "DocumentName": command.document_name,
        "DocumentVersion": command.document_version,
        "Comment": command.comment,
        "ExpiresAfter": command.expires_ms / 1000,
        "Parameters": command.parameters,
        "InstanceIds": command.instance_ids,
        "Targets": command.targets,
        "RequestedDateTime": command.requested_ms / 1000,
        "Status": shown(row.status),
        "StatusDetails": row.status,
        **_output_place(command),
        "MaxConcurrency": command.max_concurrency,
        "MaxErrors": command.max_errors,
        "TargetCount": tally.total,
        "CompletedCount": tally.ended,
        "ErrorCount": tally.errors,
        "DeliveryTimedOutCount": tally.delivery_timed_out,
        **_besides(command),
        "TimeoutSeconds": command.timeout_s,
    }


def _output_place(command: Command) -> dict[str, Any]:
    place = {
        "OutputS3BucketName": command.output_s3_bucket,
        "OutputS3KeyPrefix": command.output_s3_prefix,
    }
    return place | ({"OutputS3Region": command.output_s3_region} if command.output_s3_region else {})


def _besides(command: Command) -> dict[str, Any]:
    nothing = {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""}
    return {
        "ServiceRole": command.service_role,
        "NotificationConfig": command.notification or nothing,
        "CloudWatchOutputConfig": logs_config(command),
    }


def logs_config(command: Command) -> dict[str, Any]:
    """CloudWatchOutputConfig as it was asked for."""
    return {"CloudWatchLogGroupName": command.log_group, "CloudWatchOutputEnabled": command.is_logged}


def output_key(command: Command, node_id: str, step_id: str, stream: str) -> str:
    """The key of a stream's object, in the layout that AWS's agent writes.

    `<prefix>/<command>/<node>/<plugin>/<step>/stdout`, names without their colons. In schema 1.2 a step has
    its plugin's name, and the agent's own name for its first settings is that with `0.` before it.
    """
    plugin = dict(command.steps)[step_id]
    step = f"0.{plugin}" if step_id == plugin else step_id
    parts = [command.output_s3_prefix, command.command_id, node_id]
    parts += [plugin.replace(":", ""), step.replace(":", ""), stream]
    return "/".join(part for part in parts if part)


def output_url(command: Command, node_id: str, step_id: str, stream: str) -> str:
    """Where a stream's object is, as AWS writes it; "" when it is nowhere. An empty step is the only one."""
    if not step_id and len(command.steps) == 1:
        step_id = command.steps[0][0]
    if not command.output_s3_bucket or not step_id:
        return ""
    key = output_key(command, node_id, step_id, stream)
    return f"https://s3.{command.output_s3_region}.amazonaws.com/{command.output_s3_bucket}/{key}"


def described_invocation(command: Command, invocation: Invocation) -> dict[str, Any]:
    """The members of AWS's CommandInvocation, plugins aside."""
    return {
        "CommandId": invocation.command_id,
        "InstanceId": invocation.node_id,
        "InstanceName": invocation.node_name,
        "Comment": command.comment,
        "DocumentName": command.document_name,
        "DocumentVersion": command.document_version,
        "RequestedDateTime": invocation.requested_ms / 1000,
        "Status": shown(invocation.status),
        "StatusDetails": str(invocation.status),
        "TraceOutput": invocation.trace[:OUTPUT_CHARS_MAX],
        # A URL names one step's output, so an invocation has one only if its document has one step.
        "StandardOutputUrl": output_url(command, invocation.node_id, "", "stdout"),
        "StandardErrorUrl": output_url(command, invocation.node_id, "", "stderr"),
        "CommandPlugins": [],
        **_besides(command),
    }


def described_plugin(
    command: Command, name: str, invocation: Invocation, step: Step | None
) -> dict[str, Any]:
    """The members of AWS's CommandPlugin. A step without a report shows how its invocation stands."""
    status, details = step_status(invocation, step)
    plugin: dict[str, Any] = {
        "Name": name,
        # Plugins have neither Cancelling nor Delayed in AWS's model.
        "Status": {"Cancelling": "InProgress", "Delayed": "Pending"}.get(status, status),
        "StatusDetails": details,
        "ResponseCode": step.code if step and step.has_ended else -1,
        "Output": step.output[:OUTPUT_CHARS_MAX] if step else "",
        "StandardOutputUrl": output_url(command, invocation.node_id, name, "stdout"),
        "StandardErrorUrl": output_url(command, invocation.node_id, name, "stderr"),
        **_output_place(command),
    }
    if step and step.started_ms is not None:
        plugin["ResponseStartDateTime"] = step.started_ms / 1000
    if step and step.ended_ms is not None:
        plugin["ResponseFinishDateTime"] = step.ended_ms / 1000
    return plugin


def step_status(invocation: Invocation, step: Step | None) -> tuple[str, str]:
    """(Status, StatusDetails) of a step."""
    if step is None:
        return shown(invocation.status), str(invocation.status)
    if step.status == "TimedOut":
        return "TimedOut", "ExecutionTimedOut"
    # A skipped step counts as a success, with response code 0 (node-management.md §1.3).
    status = "Success" if step.status == "Skipped" else step.status
    status = "InProgress" if status == "SuccessAndReboot" else status
    return status, status


def cut(text: str, chars_max: int) -> str:
    """The text as the API shows it: no longer than `chars_max`, and saying so when it was."""
    if len(text) <= chars_max:
        return text
    return text[: chars_max - len(TRUNCATED)] + TRUNCATED


def iso(at_ms: int) -> str:
    """`2026-11-22T15:28:30.986Z`."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def elapsed(started_ms: int, ended_ms: int) -> str:
    """An ISO 8601 duration as AWS writes it: `PT0.041S`, `PT1M2.5S`, `PT1H`."""
    left_ms = max(0, ended_ms - started_ms)
    hours, left_ms = divmod(left_ms, 3_600_000)
    minutes, left_ms = divmod(left_ms, 60_000)
    seconds = f"{left_ms / 1000:g}" if left_ms % 1000 else str(left_ms // 1000)
    text = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if left_ms or not text:
        text += f"{seconds}S"
    return "PT" + text


def read_time(text: Any) -> int | None:
    """Milliseconds of an agent's timestamp; None for what is none, or for the zero time of an agent in Go."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if at.year <= 1970:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def execution_timeout_s(raw: Any) -> int:
    """A step's timeoutSeconds as the agent reads it: what it does not understand is an hour."""
    try:
        seconds = int(raw)
    except (TypeError, ValueError):
        return EXECUTION_TIMEOUT_S
    if not EXECUTION_TIMEOUT_S_MIN <= seconds <= EXECUTION_TIMEOUT_S_MAX:
        return EXECUTION_TIMEOUT_S
    return seconds
