"""Scalars as text, as XML elements, query parameters, headers and paths carry them."""

import base64
import binascii
import math
from typing import Any

import msgspec

from hostreeve.api.service_models import Shape
from hostreeve.gateway.protocols import timestamps
from hostreeve.gateway.protocols.refusals import UnreadableError

_MOST = {"integer": 2**31 - 1, "long": 2**63 - 1}
_LONGEST_NUMBER = 400
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read(shape: Shape, text: str) -> Any:
    """The value that the text means. UnreadableError when it means none."""
    match shape.type:
        case "string" | "character":
            return text
        case "boolean":
            return _boolean(text)
        case "integer" | "long":
            return _integer(shape.type, text)
        case "float" | "double":
            return _number(text)
        case "timestamp":
            return timestamps.parsed(text)
        case "blob":
            return blob(text)
    raise UnreadableError(f"A {shape.type} was expected, not text")


def write(shape: Shape, value: Any, notation: str) -> str:
    """The value as text; `notation` is the place's default for timestamps."""
    match shape.type:
        case "boolean":
            return "true" if value else "false"
        case "float" | "double":
            return number(value)
        case "timestamp":
            return timestamps.written(value, shape.traits.get("timestampFormat", notation))
        case "blob":
            return base64.b64encode(value).decode()
    return str(value)


def number(value: float) -> str:
    """A number as XML Schema writes it."""
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def blob(text: str) -> bytes:
    """Base64, forgiving line breaks and missing padding."""
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableError("The value is not valid Base64") from None


def read_header(shape: Shape, text: str) -> Any:
    """A header's value: as text, or JSON in Base64, or a list separated by commas."""
    if shape.traits.get("jsonvalue"):
        try:
            return msgspec.json.decode(blob(text))
        except (ValueError, RecursionError):
            raise UnreadableError("A header is not JSON in Base64") from None
    if shape.type != "list":
        return read(shape, text)
    if shape.member.type == "timestamp":
        # An HTTP date has a comma of its own.
        parts = [part.strip() for part in text.split(",")]
        return [timestamps.parsed(f"{a}, {b}") for a, b in zip(parts[::2], parts[1::2], strict=False)]
    return [read(shape.member, part) for part in _listed(text)]


def write_header(shape: Shape, value: Any) -> str:
    """A header's text. Line breaks cannot leave: they would start a header of their own."""
    if shape.traits.get("jsonvalue"):
        text = base64.b64encode(msgspec.json.encode(value)).decode()
    elif shape.type == "list":
        text = ",".join(_quoted(write(shape.member, item, "rfc822")) for item in value)
    else:
        text = write(shape, value, "rfc822")
    return clean(text)


def clean(text: str) -> str:
    """The text without the characters that HTTP forbids in a header."""
    return "".join(c if c >= " " and c != "\x7f" else " " for c in text)


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    raise UnreadableError(f"{text[:64]} can not be converted to a Boolean")


def _integer(kind: str, text: str) -> int:
    try:
        value = int(text) if len(text) < _LONGEST_NUMBER and text.isascii() and "_" not in text else None
    except ValueError:
        value = None
    if value is None or not -_MOST[kind] - 1 <= value <= _MOST[kind]:
        raise UnreadableError(
            f"{text[:64]} can not be converted to {'an Integer' if kind == 'integer' else 'a Long'}"
        )
    return value


def _number(text: str) -> float:
    word = text.strip()
    if word in _NUMBERS:
        return _NUMBERS[word]
    try:
        value = (
            float(word) if len(word) < _LONGEST_NUMBER and word.isascii() and "_" not in word else math.nan
        )
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UnreadableError(f"{text[:64]} can not be converted to a Double")
    return value


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"' if '"' in text or "," in text else text


def _listed(text: str) -> list[str]:
    """The parts of a comma-separated header, of which some may be quoted."""
    parts: list[str] = []
    position, end = 0, len(text)
    while position <= end:
        while position < end and text[position] in " \t":
            position += 1
        if position < end and text[position] == '"':
            part, position = _until_quote(text, position + 1)
            comma = text.find(",", position)
            position = (comma if comma >= 0 else end) + 1
        else:
            comma = text.find(",", position)
            comma = comma if comma >= 0 else end
            part, position = text[position:comma].rstrip(), comma + 1
        parts.append(part)
    return parts


def _until_quote(text: str, position: int) -> tuple[str, int]:
    out: list[str] = []
    while position < len(text) and text[position] != '"':
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
        out.append(text[position])
        position += 1
    return "".join(out), position + 1
