"""Frames of the control channel as the server builds and reads them, many thousand a second."""

import re
from functools import lru_cache
from typing import Any

import msgspec

from hostreeve.contract import jobs as wire
from hostreeve.contract.frames import decode, new
from hostreeve.kernel.world import World
from hostreeve.messaging.model import Delivery

_json = msgspec.json.Encoder()


class NoFrame(ValueError):
    """The bytes are not an agent message at all."""


class Ack(msgspec.Struct, frozen=True, gc=False):
    """`agent_job_ack`."""

    job_id: str = msgspec.field(name="jobId")
    code: str = msgspec.field(name="statusCode")


class _RawReply(msgspec.Struct, frozen=True, gc=False):
    job_id: str = msgspec.field(name="jobId")
    content: str
    topic: str = wire.TOPIC_SEND


class Reply(msgspec.Struct, frozen=True):
    """`agent_job_reply`, its content decoded."""

    job_id: str
    topic: str
    document: dict[str, Any]


class Received(msgspec.Struct, frozen=True):
    """One understood message, and the node whose job it speaks of."""

    message_id: str
    node_id: str
    body: Ack | Reply | wire.OutputChunk


_ack = msgspec.json.Decoder(Ack)
_reply = msgspec.json.Decoder(_RawReply)
_document = msgspec.json.Decoder(dict[str, Any])
_JOB_ID = re.compile(r"aws\.ssm\.[\w.:-]{1,200}\.([\w:-]{3,124})", re.ASCII)


def read(frame: bytes) -> tuple[str, Received | None]:
    """The message type, and the message if the server reads that type. NoFrame or ValueError on garbage."""
    try:
        message = decode(frame)
    except ValueError as garbage:
        raise NoFrame(str(garbage)) from None
    body: Ack | Reply | wire.OutputChunk
    try:
        if message.message_type == wire.AGENT_JOB_ACK:
            body = _ack.decode(message.payload)
        elif message.message_type == wire.AGENT_JOB_REPLY:
            raw = _reply.decode(message.payload)
            body = Reply(raw.job_id, raw.topic, read_document(raw.content))
        elif message.message_type == wire.AGENT_JOB_OUTPUT:
            body = wire.read_output_chunk(message.payload)
        else:
            return message.message_type, None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    return message.message_type, Received(message.message_id, node_of(body.job_id), body)


def node_of(job_id: str) -> str:
    """The node of a job id. ValueError when it is none."""
    match = _JOB_ID.fullmatch(job_id)
    if match is None:
        raise ValueError(f"{job_id[:100]!r} is no job id")
    return match[1]


def read_document(content: str) -> dict[str, Any]:
    """A reply document. ValueError when it is no JSON object."""
    try:
        return _document.decode(content)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def reply_ack(job_id: str, message_id: str, world: World) -> bytes:
    """`wire.ReplyAck`, written by hand: neither a job id nor a message id holds anything to be escaped."""
    payload = b'{"jobId":"%b","acknowledgedMessageId":"%b"}' % (job_id.encode(), message_id.encode())
    return _frame(wire.AGENT_JOB_REPLY_ACK, payload, world)


def output_ack(chunk: wire.OutputChunk, offset: int, world: World) -> bytes:
    ack = wire.OutputAck(chunk.job_id, chunk.step_id, chunk.stream, offset)
    return _frame(wire.AGENT_JOB_OUTPUT_ACK, ack.encode(), world)


def json_text(content: str) -> bytes:
    """A content as the JSON string it becomes inside a job: made once for all nodes that get it."""
    return _json.encode(content)


def job(delivery: Delivery, content: bytes, world: World, *, extended: bool) -> bytes:
    """An `agent_job` frame; `content` comes from `json_text`."""
    payload = b'{"SchemaVersion":1,"JobId":%b,%b,"Content":%b%b}' % (
        _json.encode(delivery.job_id),
        _topic(delivery.topic),
        content,
        _extension(delivery.extra, delivery.expires_ms) if extended else b"",
    )
    return _frame(wire.AGENT_JOB, payload, world)


# All nodes of a command get the same.
@lru_cache(maxsize=256)
def _topic(topic: str) -> bytes:
    return b'"Topic":' + _json.encode(topic)


@lru_cache(maxsize=256)
def _extension(extra: str, expires_ms: int) -> bytes:
    members = msgspec.json.decode(extra) if extra else {}
    return b',"Hostreeve":' + _json.encode({**members, "ExpiresMs": expires_ms})


def _frame(message_type: str, payload: bytes, world: World) -> bytes:
    return new(message_type, payload, world.token(16), world.now_ms())
