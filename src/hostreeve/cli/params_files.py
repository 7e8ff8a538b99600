"""Parameters in files: JSON and YAML keep everything, dotenv names and values."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostreeve.cli.trouble import UsageTrouble

TYPES = ("String", "StringList", "SecureString")
_ENDINGS = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".env": "dotenv"}
_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.\-/]*)\s*=\s*(?P<value>.*)")
_NO_LETTER = re.compile(r"[^A-Z0-9_]")
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t", '\\"': '"', "\\\\": "\\", "\\$": "$"}
_ESCAPED = re.compile(r"\\[nrt\"\\$]")


@dataclass(frozen=True)
class Entry:
    """One parameter: its type and value."""

    type: str
    value: str

    @property
    def is_secret(self) -> bool:
        return self.type == "SecureString"


Tree = Mapping[str, Entry]
"""Parameters by what follows the path of the tree in their names."""


def format_of(file: str, wanted: str | None) -> str:
    """The format that was asked for, or that the file's name tells, or JSON."""
    if wanted:
        return wanted
    name = Path(file).name
    return "dotenv" if name.startswith(".env") else _ENDINGS.get(Path(file).suffix, "json")


def written(tree: Tree, format_: str) -> str:
    """A tree as the text of a file."""
    if format_ == "dotenv":
        return "".join(f"{name}={_quoted(value)}\n" for name, value in environment(tree).items())
    plain = {name: {"type": entry.type, "value": entry.value} for name, entry in sorted(tree.items())}
    if format_ == "json":
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
    import yaml

    return str(yaml.safe_dump(plain, sort_keys=True, allow_unicode=True, default_flow_style=False))


def read(file: str, wanted: str | None, *, secure: bool = False) -> Tree:
    """The tree in a file; `-` is standard input. UsageTrouble."""
    format_ = format_of(file, wanted)
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageTrouble(f"{file} can't be read: {trouble}.") from None
    if format_ == "dotenv":
        type_ = "SecureString" if secure else "String"
        return {name: Entry(type_, value) for name, value in _lines(file, text).items()}
    return {str(name).strip("/"): _entry(file, name, given) for name, given in _mapping(file, text, format_)}


def environment(tree: Tree) -> dict[str, str]:
    """Values by the name that a program finds them under. UsageTrouble when two become one."""
    found: dict[str, str] = {}
    homes: dict[str, str] = {}
    for name, entry in sorted(tree.items()):
        variable = _NO_LETTER.sub("_", name.upper())
        variable = f"_{variable}" if variable[:1].isdigit() else variable
        if variable in found:
            raise UsageTrouble(f"{homes[variable]} and {name} would both be {variable}.")
        found[variable], homes[variable] = entry.value, name
    return found


def _mapping(file: str, text: str, format_: str) -> list[tuple[Any, Any]]:
    try:
        if format_ == "json":
            found = json.loads(text)
        else:
            import yaml

            found = yaml.safe_load(text)
    except (ValueError, RecursionError) as trouble:
        raise UsageTrouble(f"{file} is not {format_.upper()}: {trouble}.") from None
    except Exception as trouble:
        # PyYAML's errors descend from Exception alone, and it is imported only when it is needed.
        if type(trouble).__module__.partition(".")[0] != "yaml":
            raise
        raise UsageTrouble(f"{file} is not YAML: {trouble}.") from None
    if not isinstance(found, dict):
        raise UsageTrouble(f"{file} holds no names and values.")
    return list(found.items())


def _entry(file: str, name: Any, given: Any) -> Entry:
    """Names may stand for plain texts too: then they are Strings."""
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        return Entry("String", str(given))
    if isinstance(given, dict) and isinstance(given.get("value"), str):
        type_ = given.get("type", "String")
        if type_ not in TYPES:
            raise UsageTrouble(f"{file}: {name} has the type {type_!r}. There are {', '.join(TYPES)}.")
        return Entry(type_, given["value"])
    raise UsageTrouble(f"{file}: {name} is neither a text nor an object with a type and a value.")


def _lines(file: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise UsageTrouble(f"{file}, line {number}: this is not NAME=value.")
        found[match["name"]] = _unquoted(match["value"].strip())
    return found


def _quoted(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,\-]*", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], value[1:-1])
    return value.partition(" #")[0].rstrip()
