"""A call as a record in CloudTrail's format."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

EVENT_VERSION = "1.11"
RECORD_BYTES_MAX = 256 * 1024
"""As at AWS. What is larger keeps its head, and loses what makes it large."""
TEXT_CHARS_MAX = 1024
"""Of the user agent and of error messages, as at AWS."""
PRIVATE = "hostreeve"
"""The member that is ours: why a call was denied. Exports and answers of CloudTrail do not show it."""
HEAD = b'{"eventVersion":'
"""How every record begins, and nothing else in a journal does."""

_NAMES = {
    "event_version": "eventVersion",
    "user_identity": "userIdentity",
    "event_time": "eventTime",
    "event_source": "eventSource",
    "event_name": "eventName",
    "aws_region": "awsRegion",
    "source_ip": "sourceIPAddress",
    "user_agent": "userAgent",
    "request_parameters": "requestParameters",
    "response_elements": "responseElements",
    "request_id": "requestID",
    "event_id": "eventID",
    "read_only": "readOnly",
    "event_type": "eventType",
    "management_event": "managementEvent",
    "account": "recipientAccountId",
    "category": "eventCategory",
    "error_code": "errorCode",
    "error_message": "errorMessage",
    "why": PRIVATE,
}


class Record(msgspec.Struct, rename=_NAMES, omit_defaults=True):
    """CloudTrail's members by their meaning here; see CloudTrail's "record contents"."""

    event_version: str
    user_identity: Any
    event_time: str
    event_source: str
    event_name: str
    aws_region: str
    source_ip: str
    user_agent: str
    request_parameters: Any
    response_elements: Any
    request_id: str
    event_id: str
    read_only: bool
    event_type: str
    management_event: bool
    account: str
    category: str
    error_code: str = ""
    error_message: str = ""
    resources: Any = None
    why: Any = None


# What no protocol could write either is called by its kind: a record never keeps a call from its answer.
_encode = msgspec.json.Encoder(enc_hook=lambda value: type(value).__name__).encode


def written(record: Record) -> bytes:
    """The record as JSON, within its size. It is made of anything: no record keeps a call from its answer."""
    try:
        line = _encode(record)
    except (ValueError, OverflowError, RecursionError):
        record.request_parameters = record.response_elements = record.why = None
        record.error_message = record.error_message.encode(errors="replace").decode()
        record.user_agent = record.user_agent.encode(errors="replace").decode()
        record.resources = None
        return _encode(record)
    if len(line) <= RECORD_BYTES_MAX:
        return line
    for member in ("request_parameters", "response_elements", "why"):
        value = getattr(record, member)
        if value is not None:
            size = len(_encode(value))
            told = {"omitted": True, "originalSize": size, "reason": "the record would be too large"}
            setattr(record, member, told)
    return _encode(record)


@lru_cache(maxsize=64)
def moment(seconds: int) -> str:
    """CloudTrail's `eventTime`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reason_of(line: bytes) -> dict[str, Any] | None:
    """What was heard for and against a call that was denied."""
    told: dict[str, Any] = msgspec.json.decode(line)
    why = told.get(PRIVATE)
    return why if isinstance(why, dict) and "Layers" in why else None


def published(line: bytes) -> bytes:
    """The record without what is ours alone."""
    if b'"' + PRIVATE.encode() + b'":' not in line:
        return line
    told: Mapping[str, Any] = msgspec.json.decode(line)
    return _encode({name: value for name, value in told.items() if name != PRIVATE})
