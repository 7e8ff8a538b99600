"""The fast path of JSON requests: one msgspec type per operation, checking as it decodes into plain
dictionaries."""

from functools import cache
from typing import Annotated, Any, Literal, Required, TypedDict

import msgspec
from msgspec import Meta

from hostreeve.api.service_models import OperationModel, Shape
from hostreeve.api.validation_patterns import python_pattern

_INTEGERS = {"integer": 2**31 - 1, "long": 2**63 - 1}
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""The moments that a calendar of four-digit years has, in seconds since the epoch."""
_make: Any = TypedDict


class _NotPlain(Exception):
    """The shape holds something that this path cannot check."""


@cache
def decoder(operation: OperationModel) -> "msgspec.json.Decoder[dict[str, Any]] | None":
    """A decoder whose every result is a valid request, and which refuses some that are valid too.

    None where the input has unions, recursion, renamed members or timestamps that are not numbers: what it
    refuses,
    and what it cannot know, is for `validation.problems`.
    """
    shape = operation.input
    if shape is None or operation.is_stream:
        return None
    try:
        return msgspec.json.Decoder(_structure(shape, ()))
    except _NotPlain:
        return None


@cache
def is_plain_output(operation: OperationModel) -> bool:
    """Whether an answer may be encoded as it stands: names as in the model, timestamps as numbers."""
    return operation.output is None or _is_plain(operation.output, set())


def _is_plain(shape: Shape, seen: set[str]) -> bool:
    if shape.type == "timestamp":
        return bool(shape.traits.get("timestampFormat", "unixTimestamp") == "unixTimestamp")
    if shape.name in seen or shape.type not in ("structure", "list", "map"):
        return True
    seen.add(shape.name)
    if shape.type == "list":
        return _is_plain(shape.member, seen)
    if shape.type == "map":
        return _is_plain(shape.value, seen)
    return all((m.wire_name or n) == n and _is_plain(m, seen) for n, m in shape.members.items())


def _type(shape: Shape, above: tuple[str, ...]) -> Any:
    own = shape.own
    match shape.type:
        case "structure":
            return _structure(shape, above)
        case "list":
            return _sized(list[_type(shape.member, above)], own)  # type: ignore[misc]
        case "map":
            return _sized(dict[_type(shape.key, above), _type(shape.value, above)], own)  # type: ignore[misc]
        case "string":
            return _string(own)
        case "boolean":
            return bool
        case "blob":
            return _sized(bytes, own)
        case "timestamp" if shape.traits.get("timestampFormat", "unixTimestamp") == "unixTimestamp":
            return Annotated[float, Meta(ge=EARLIEST, le=LATEST)]
        case "integer" | "long":
            most = _INTEGERS[shape.type]
            return Annotated[
                int, Meta(ge=max(own.get("min", -most - 1), -most - 1), le=min(own.get("max", most), most))
            ]
        case "float" | "double":
            return Annotated[float, Meta(ge=own.get("min"), le=own.get("max"))]
    raise _NotPlain


def _structure(shape: Shape, above: tuple[str, ...]) -> Any:
    if shape.name in above or shape.is_union or shape.is_document:
        raise _NotPlain
    fields: dict[str, Any] = {}
    for name, member in shape.members.items():
        if (member.wire_name or name) != name:
            raise _NotPlain
        kind = _type(member, (*above, shape.name))
        fields[name] = Required[kind] if name in shape.required else kind
    return _make(shape.name, fields, total=False)


def _string(own: Any) -> Any:
    if "enum" in own:
        if "pattern" in own or "min" in own or "max" in own:
            raise _NotPlain
        return Literal[tuple(dict.fromkeys(own["enum"]))]
    if "pattern" in own:
        pattern = python_pattern(own["pattern"])
        return Annotated[str, Meta(min_length=own.get("min"), max_length=own.get("max"), pattern=pattern)]
    return _sized(str, own)


def _sized(kind: Any, own: Any) -> Any:
    if "min" not in own and "max" not in own:
        return kind
    return Annotated[kind, Meta(min_length=own.get("min"), max_length=own.get("max"))]
