"""What server and agent say about a job: message types, topics, statuses, and payloads to build and read.

A job is one command for one node. Every `read_…` raises ValueError on garbage and ignores unknown members.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple

# Server to agent.
AGENT_JOB = "agent_job"
AGENT_JOB_REPLY_ACK = "agent_job_reply_ack"
AGENT_JOB_OUTPUT_ACK = "agent_job_output_ack"
INTERACTIVE_SHELL = "interactive_shell"
CHANNEL_CLOSED = "channel_closed"
AGENT_TASK_ACKNOWLEDGE = "agent_task_acknowledge"
# Agent to server.
AGENT_JOB_ACK = "agent_job_ack"
AGENT_JOB_REPLY = "agent_job_reply"
AGENT_JOB_OUTPUT = "agent_job_output"
AGENT_TASK_COMPLETE = "agent_task_complete"

TOPIC_SEND = "aws.ssm.sendCommand"
TOPIC_CANCEL = "aws.ssm.cancelCommand"
"""Topics are prefixes: a Region may follow, after a dot."""

ACK_SUCCESSFUL = "200"
ACK_CLOSED = "51401"
"""An agent that shuts down: it has not looked at the job."""
ACK_BUFFER_FULL = "51402"
ACK_DUPLICATE = "51405"
ACK_INVALID_DOCUMENT = "51406"
ACK_PARSE_ERROR = "51408"
ACK_UNEXPECTED = "51499"
ACK_MESSAGES = {
    ACK_SUCCESSFUL: "Successful",
    ACK_CLOSED: "ClosedProcessor",
    ACK_BUFFER_FULL: "ProcessorBufferFull",
    "51403": "UnexpectedDocumentType",
    "51404": "ProcessorErrorCodeTranslationFailed",
    ACK_DUPLICATE: "DuplicateCommand",
    ACK_INVALID_DOCUMENT: "InvalidDocument",
    "51407": "ContainerNotSupported",
    ACK_PARSE_ERROR: "AgentJobMessageParseError",
    ACK_UNEXPECTED: "UnexpectedError",
}

IN_PROGRESS = "InProgress"
SUCCESS = "Success"
FAILED = "Failed"
TIMED_OUT = "TimedOut"
CANCELLED = "Cancelled"
SKIPPED = "Skipped"
SUCCESS_AND_REBOOT = "SuccessAndReboot"
TERMINAL_STATUSES = frozenset((SUCCESS, FAILED, TIMED_OUT, CANCELLED))
"""Document statuses after which nothing more comes; after SuccessAndReboot the rest follows the restart."""

EXTENSION = "Hostreeve"
"""The member under which both sides put what the official agent never sees."""

EXTENSION_OUTPUT = "output"

CONTROL_CHANNEL_PATH = "/v1/control-channel/"
CONTROL_CHANNEL_QUERY = "role=subscribe&stream=input"

REPLY_BYTES_MAX = 120_000
"""The official agent drops a reply whose payload is longer; servers may rely on it."""

OUTPUT_CHUNK_BYTES_MAX = 65_536
STREAMS = ("stdout", "stderr")


class AgentJob(NamedTuple):
    """`agent_job`. Our extension `expires_ms`: from then on it must not be started; 0: not said."""

    job_id: str
    topic: str
    content: str
    stream_output: bool = False
    expires_ms: int = 0

    def encode(self) -> bytes:
        members: dict[str, Any] = {
            "SchemaVersion": 1,
            "JobId": self.job_id,
            "Topic": self.topic,
            "Content": self.content,
        }
        extension: dict[str, Any] = {}
        if self.stream_output:
            extension["StreamOutput"] = True
        if self.expires_ms:
            extension["ExpiresMs"] = self.expires_ms
        if extension:
            members[EXTENSION] = extension
        return to_json(members)


def read_agent_job(payload: bytes) -> AgentJob:
    members = object_in(payload)
    extension = members.get(EXTENSION)
    if not isinstance(extension, dict):
        extension = {}
    expires_ms = extension.get("ExpiresMs", 0)
    return AgentJob(
        job_id=text_of(members, "JobId"),
        topic=text_of(members, "Topic"),
        content=text_of(members, "Content"),
        stream_output=extension.get("StreamOutput") is True,
        expires_ms=expires_ms if isinstance(expires_ms, int) else 0,
    )


class JobAck(NamedTuple):
    """`agent_job_ack`: `message_id` and `created_ms` are those of the `agent_job` frame."""

    job_id: str
    message_id: str
    created_ms: int
    code: str = ACK_SUCCESSFUL
    error: str = ""

    def encode(self) -> bytes:
        return to_json(
            {
                "jobId": self.job_id,
                "acknowledgedMessageId": self.message_id,
                "createdDate": timestamp(self.created_ms),
                "statusCode": self.code,
                "errorMessage": self.error or ACK_MESSAGES.get(self.code, ""),
            }
        )


def read_job_ack(payload: bytes) -> JobAck:
    """`created_ms` is left 0: nothing needs it back."""
    members = object_in(payload)
    return JobAck(
        job_id=text_of(members, "jobId"),
        message_id=text_of(members, "acknowledgedMessageId"),
        created_ms=0,
        code=text_of(members, "statusCode"),
        error=str(members.get("errorMessage") or ""),
    )


class JobReply(NamedTuple):
    """`agent_job_reply`; `content` is the reply document as JSON text."""

    job_id: str
    content: str
    topic: str = TOPIC_SEND

    def encode(self) -> bytes:
        return to_json(
            {"schemaVersion": 1, "jobId": self.job_id, "content": self.content, "topic": self.topic}
        )


def read_job_reply(payload: bytes) -> JobReply:
    members = object_in(payload)
    return JobReply(
        job_id=text_of(members, "jobId"),
        content=text_of(members, "content"),
        topic=str(members.get("topic") or TOPIC_SEND),
    )


class ReplyAck(NamedTuple):
    """`agent_job_reply_ack`: `message_id` is that of the reply's frame."""

    job_id: str
    message_id: str

    def encode(self) -> bytes:
        return to_json({"jobId": self.job_id, "acknowledgedMessageId": self.message_id})


def read_reply_ack(payload: bytes) -> ReplyAck:
    members = object_in(payload)
    return ReplyAck(text_of(members, "jobId"), text_of(members, "acknowledgedMessageId"))


class OutputChunk(NamedTuple):
    """`agent_job_output` (our extension): bytes of a step's stream, starting at `offset` bytes."""

    job_id: str
    step_id: str
    stream: str
    offset: int
    chunk: bytes

    def encode(self) -> bytes:
        return to_json(
            {
                "jobId": self.job_id,
                "stepId": self.step_id,
                "stream": self.stream,
                "offset": self.offset,
                "data": base64.b64encode(self.chunk).decode("ascii"),
            }
        )


def read_output_chunk(payload: bytes) -> OutputChunk:
    members = object_in(payload)
    try:
        chunk = base64.b64decode(text_of(members, "data"), validate=True)
    except binascii.Error:
        raise ValueError("data is not base64") from None
    return OutputChunk(
        text_of(members, "jobId"), text_of(members, "stepId"), _stream_of(members), _offset_of(members), chunk
    )


class OutputAck(NamedTuple):
    """`agent_job_output_ack` (our extension): the server holds durably all bytes before `offset`."""

    job_id: str
    step_id: str
    stream: str
    offset: int

    def encode(self) -> bytes:
        return to_json(
            {"jobId": self.job_id, "stepId": self.step_id, "stream": self.stream, "offset": self.offset}
        )


def read_output_ack(payload: bytes) -> OutputAck:
    members = object_in(payload)
    return OutputAck(
        text_of(members, "jobId"), text_of(members, "stepId"), _stream_of(members), _offset_of(members)
    )


class Opening(NamedTuple):
    """The text frame that opens a control channel. `extensions` is empty for the official agent."""

    token: str
    request_id: str
    agent_version: str
    platform_type: str
    hostreeve_version: str = ""
    extensions: tuple[str, ...] = ()

    def encode(self) -> str:
        members: dict[str, Any] = {
            "Cookie": None,
            "MessageSchemaVersion": "1.0",
            "RequestId": self.request_id,
            "TokenValue": self.token,
            "AgentVersion": self.agent_version,
            "PlatformType": self.platform_type,
        }
        if self.hostreeve_version:
            members[EXTENSION] = {"Version": self.hostreeve_version, "Extensions": list(self.extensions)}
        return to_json(members).decode("ascii")


def read_opening(frame: str) -> Opening:
    members = object_in(frame)
    extension = members.get(EXTENSION)
    if not isinstance(extension, dict):
        extension = {}
    names = extension.get("Extensions")
    return Opening(
        token=text_of(members, "TokenValue"),
        request_id=str(members.get("RequestId") or ""),
        agent_version=str(members.get("AgentVersion") or ""),
        platform_type=str(members.get("PlatformType") or ""),
        hostreeve_version=str(extension.get("Version") or ""),
        extensions=tuple(str(name) for name in names) if isinstance(names, list) else (),
    )


def job_id(command_id: str, node_id: str) -> str:
    """The id of a command's job on a node. The official agent accepts no other form."""
    return f"aws.ssm.{command_id}.{node_id}"


def command_id_of(job: str) -> str:
    """The command of a job id. ValueError when it has not the form `aws.ssm.<command>.<node>`."""
    parts = job.split(".")
    if len(parts) < 4 or parts[:2] != ["aws", "ssm"] or not all(parts[-2:]):
        raise ValueError(f"job id has not the form aws.ssm.<command>.<node>: {job[:100]!r}")
    return parts[-2]


def node_id_of(job: str) -> str:
    """The node of a job id. ValueError as `command_id_of`."""
    command_id_of(job)
    return job.rsplit(".", 1)[1]


def cancel_content(job: str) -> str:
    """The Content of a cancelling job, which names the job to be cancelled."""
    return to_json({"CancelMessageId": job}).decode("ascii")


def read_cancel_content(content: str) -> str:
    """The id of the job to be cancelled."""
    return text_of(object_in(content), "CancelMessageId")


@lru_cache(maxsize=256)
def timestamp(at_ms: int) -> str:
    """Time as agent payloads and ec2messages write it: `2026-11-22T15:28:30.986Z`. No year above 9999."""
    try:
        at = datetime.fromtimestamp(at_ms // 1000, timezone.utc)
    except (OverflowError, OSError):
        raise ValueError(f"{at_ms} is no time in milliseconds") from None
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def to_json(members: Any) -> bytes:
    """Compact JSON in ASCII."""
    return json.dumps(members, separators=(",", ":")).encode("ascii")


def object_in(text: bytes | str) -> dict[str, Any]:
    """The JSON object in `text`. ValueError on anything else, however deeply nested."""
    try:
        members = json.loads(text)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    if not isinstance(members, dict):
        raise ValueError("expected a JSON object")
    return members


def text_of(members: dict[str, Any], name: str) -> str:
    """The member `name`. ValueError when it is missing or no text."""
    value = members.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing or not a string")
    return value


def _stream_of(members: dict[str, Any]) -> str:
    stream = text_of(members, "stream")
    if stream not in STREAMS:
        raise ValueError("stream is neither stdout nor stderr")
    return stream


def _offset_of(members: dict[str, Any]) -> int:
    offset = members.get("offset")
    if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        raise ValueError("offset is not a number of bytes")
    return offset
