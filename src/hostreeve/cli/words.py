"""What operators type, read into what the API wants: targets, parameters, durations, key=value pairs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hostreeve.cli.trouble import UsageTrouble

_DURATION = re.compile(r"(\d+)([smhdw]?)")
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def target(text: str) -> dict[str, Any]:
    """`tag:Role=web,db`, `InstanceIds=mi-…`, or the AWS CLI's `Key=tag:Role,Values=web,db`. UsageTrouble."""
    if text.startswith("Key=") and ",Values=" in text:
        key, _, values = text[len("Key=") :].partition(",Values=")
        values = values.removeprefix("[").removesuffix("]")
    else:
        key, separator, values = text.partition("=")
        # `tag-key=Role` asks for the presence of a tag; every other key needs values as well.
        if not separator:
            raise UsageTrouble(
                f"{text!r} is not a target.",
                "Targets look like tag:Role=web or tag:Role=web,db. A command goes before them, or after --.",
            )
    if key and not _is_target_key(key):
        raise UsageTrouble(f"{key} is no key of targets.", f"A tag is written tag:{key}={values}.")
    wanted = [value.strip("\"'") for value in values.split(",") if value]
    if not key or not wanted:
        raise UsageTrouble(f"The target {text!r} names no values.", "Targets look like tag:Role=web,db.")
    return {"Key": key, "Values": wanted}


def _is_target_key(key: str) -> bool:
    return key.lower() in ("instanceids", "tag-key") or key.startswith(("tag:", "resource-groups:"))


def limit(text: str, option: str, least: int) -> str:
    """`10` or `10%`, for --max-concurrency (1 at least) and --max-errors. UsageTrouble."""
    amount = text.removesuffix("%")
    fits = amount.isascii() and amount.isdecimal() and amount == str(int(amount)) and int(amount) >= least
    if not fits or (text.endswith("%") and int(amount) > 100):
        raise UsageTrouble(
            f"{option} takes a number from {least} on, or a percentage such as 10%, not {text}."
        )
    return text


def pair(text: str) -> tuple[str, str]:
    """`key=value`; the value may be empty. UsageTrouble."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UsageTrouble(f"{text!r} is not of the form key=value.")
    return key, value


def duration_s(text: str) -> int:
    """`90`, `90s`, `15m`, `24h`, `7d`, `2w`, and sums such as `1h30m`, in seconds. UsageTrouble."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageTrouble(f"{text!r} is not a duration.", "Durations look like 90s, 15m, 24h or 7d.")
    return sum(int(number) * _UNIT_S[unit] for number, unit in parts)


def span(seconds: float) -> str:
    """How long that is, in the largest unit of which there is more than one: `40 s`, `90 min`, `3 d`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def parameters(texts: list[str]) -> dict[str, list[str]]:
    """A document's parameters: JSON, `file://PATH` holding JSON, or the AWS CLI's shorthand. UsageTrouble.

    Shorthand is `name=value,name=v1,v2,name=[v1,v2],name="with, comma"`.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        if text.startswith("file://"):
            text = _text_of(Path(text[len("file://") :]).expanduser())
        found.update(_from_json(text) if text.lstrip().startswith("{") else _from_shorthand(text))
    return found


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageTrouble(f"{path} cannot be read: {trouble}") from None


def _from_json(text: str) -> dict[str, list[str]]:
    try:
        given = json.loads(text)
    except ValueError as trouble:
        raise UsageTrouble(f"--parameters is not valid JSON: {trouble}") from None
    return {name: _as_list(value) for name, value in given.items()}


def _as_list(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    # Maps and numbers travel as text: every parameter of a document is a list of strings on the wire.
    return [each if isinstance(each, str) else json.dumps(each) for each in values]


def _from_shorthand(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for piece, opens in _pieces(text):
        if opens:
            name, _, piece = piece.partition("=")
            found[name] = []
            if piece.startswith("[") and piece.endswith("]"):
                found[name] = [_unquoted(each) for each, _ in _pieces(piece[1:-1])]
                continue
        elif not name:
            raise UsageTrouble(
                f"--parameters {text!r} does not begin with name=value.",
                "Give JSON, or shorthand such as commands=uptime,workingDirectory=/tmp.",
            )
        found[name].append(_unquoted(piece))
    return found


_NAME = re.compile(r"\s*[A-Za-z0-9_.\-]+=")


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Split at commas outside quotes and brackets; each piece with whether it opens a new name."""
    pieces: list[str] = [""]
    quote, depth = "", 0
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[]":
            depth += 1 if character == "[" else -1
        elif character == "," and depth <= 0:
            pieces.append("")
            continue
        pieces[-1] += character
    return [(piece.strip(), bool(_NAME.match(piece))) for piece in pieces if piece.strip()]


def _unquoted(piece: str) -> str:
    if len(piece) > 1 and piece[0] in "\"'" and piece[-1] == piece[0]:
        return piece[1:-1]
    return piece
