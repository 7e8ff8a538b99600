"""Between a JSON (or CBOR) tree and a request or answer in the model's own names and types."""

import base64
import math
from typing import Any

from hostreeve.api.service_models import Shape
from hostreeve.gateway.protocols import text_values, timestamps
from hostreeve.gateway.protocols.refusals import UnreadableError

_MOST = {"integer": 2**31 - 1, "long": 2**63 - 1}
_JAVA = {
    "string": "a String",
    "integer": "an Integer",
    "long": "a Long",
    "boolean": "a Boolean",
    "blob": "a Blob",
}
_SPECIAL = ("NaN", "Infinity", "-Infinity")


def read(shape: Shape, raw: Any) -> Any:
    """The value of a parsed tree, without null and unknown members. UnreadableError on a wrong type."""
    match shape.type:
        case "structure":
            return _read_structure(shape, raw)
        case "list":
            if not isinstance(raw, list):
                raise UnreadableError("Expected list or null" if _is_scalar(raw) else _MISPLACED_MAP)
            member = shape.member
            return [None if item is None else read(member, item) for item in raw]
        case "map":
            if not isinstance(raw, dict):
                raise UnreadableError("Expected map or null" if _is_scalar(raw) else _MISPLACED_LIST)
            held = shape.value
            return {_key(k): None if v is None else read(held, v) for k, v in raw.items()}
    return _read_scalar(shape, raw)


def write(shape: Shape, value: Any) -> Any:
    """The tree of an answer, ready for msgspec: Base64 and numbers are left to it."""
    match shape.type:
        case "structure":
            if shape.is_document or not isinstance(value, dict):
                return value
            return {
                shape.members[name].wire_name or name: write(shape.members[name], v)
                for name, v in value.items()
                if v is not None and name in shape.members
            }
        case "list":
            return [None if item is None else write(shape.member, item) for item in value]
        case "map":
            return {k: None if v is None else write(shape.value, v) for k, v in value.items()}
        case "timestamp":
            notation = shape.traits.get("timestampFormat", "unixTimestamp")
            return value if notation == "unixTimestamp" else timestamps.written(value, notation)
        case "blob":
            return base64.b64encode(value).decode()
        case "float" | "double" if not math.isfinite(value):
            return text_values.number(value)
    return value


_MISPLACED_MAP = "Start of structure or map found where not expected."
_MISPLACED_LIST = "Start of list found where not expected"


def _read_structure(shape: Shape, raw: Any) -> Any:
    if shape.is_document:
        return raw
    if not isinstance(raw, dict):
        raise UnreadableError("Unexpected field type" if _is_scalar(raw) else _MISPLACED_LIST)
    found = {}
    for name, member in shape.members.items():
        item = raw.get(member.wire_name or name)
        if item is not None:
            found[name] = read(member, item)
    return found


def _read_scalar(shape: Shape, raw: Any) -> Any:
    kind = shape.type
    if isinstance(raw, dict | list):
        raise UnreadableError(_MISPLACED_MAP if isinstance(raw, dict) else _MISPLACED_LIST)
    if kind in ("string", "character") and isinstance(raw, str):
        return raw
    if kind == "boolean" and isinstance(raw, bool):
        return raw
    if kind == "blob" and isinstance(raw, str | bytes):
        return raw if isinstance(raw, bytes) else text_values.blob(raw)
    if kind == "timestamp" and not isinstance(raw, bool | bytes):
        return timestamps.parsed(raw) if isinstance(raw, str) else timestamps.finite(raw)
    if kind in ("float", "double"):
        return _read_number(raw)
    if kind in _MOST and isinstance(raw, int | float) and not isinstance(raw, bool):
        if raw == raw // 1 and -_MOST[kind] - 1 <= raw <= _MOST[kind]:
            return int(raw)
        raise UnreadableError(f"The number is out of range and can not be converted to {_JAVA[kind]}")
    raise _mismatch(raw, kind)


def _read_number(raw: Any) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        try:
            return float(raw)
        except OverflowError:
            raise UnreadableError("The number is out of range and can not be converted to a Double") from None
    if isinstance(raw, str) and raw in _SPECIAL:
        return float(raw)
    raise _mismatch(raw, "double")


def _mismatch(raw: Any, kind: str) -> UnreadableError:
    if isinstance(raw, bool):
        token = "TRUE_VALUE" if raw else "FALSE_VALUE"
    else:
        token = "STRING_VALUE" if isinstance(raw, str) else "NUMBER_VALUE"
    return UnreadableError(f"{token} can not be converted to {_JAVA.get(kind, 'a ' + kind.capitalize())}")


def _is_scalar(raw: Any) -> bool:
    return not isinstance(raw, dict | list)


def _key(raw: Any) -> str:
    if not isinstance(raw, str):
        raise UnreadableError("The key of a map is not a string")
    return raw
