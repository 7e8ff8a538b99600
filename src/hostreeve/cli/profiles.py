"""Writing profiles of ~/.aws: one section is changed, every other line stays as somebody wrote it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hostreeve.cli.trouble import Trouble

_SECTION = re.compile(r"\s*\[\s*(?P<name>.*?)\s*\]")
_SETTING = re.compile(r"(?P<key>[^\s=:#;][^=:]*?)\s*[=:]")
_NAME = re.compile(r"[\w+=,.@/-]+")


def config_section(profile: str) -> str:
    """What a profile is called in the configuration file."""
    return "default" if profile == "default" else f"profile {profile}"


def put(path: Path, section: str, values: Mapping[str, str]) -> None:
    """Set these keys of a section, which is made if it is not there. The file is replaced as a whole, and its
    owner's alone. Trouble when it cannot be."""
    if not _NAME.fullmatch(section.removeprefix("profile ")):
        raise Trouble(f"{section!r} is no name of a profile.", "Use letters, digits and + = , . @ / - _.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        _replace(path, "\n".join(_changed(lines, section, values)) + "\n")
    except (OSError, UnicodeDecodeError) as trouble:
        raise Trouble(f"{path} cannot be written: {trouble}") from None


def _changed(lines: Sequence[str], section: str, values: Mapping[str, str]) -> list[str]:
    beginning = next((at for at, line in enumerate(lines) if _named(line) == section), None)
    written = [f"{key} = {value}" for key, value in values.items()]
    if beginning is None:
        return [*lines, *([""] if lines and lines[-1].strip() else []), f"[{section}]", *written]
    end = next((at for at in range(beginning + 1, len(lines)) if _named(lines[at]) is not None), len(lines))
    kept = [line for line in lines[beginning + 1 : end] if _key(line) not in values]
    return [*lines[: beginning + 1], *written, *kept, *lines[end:]]


def _named(line: str) -> str | None:
    match = _SECTION.match(line)
    return " ".join(match["name"].split()) if match else None


def _key(line: str) -> str | None:
    """The key that a line sets; indented lines belong to the setting above."""
    match = _SETTING.match(line)
    return match["key"].lower() if match else None


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A link to a file elsewhere stays one.
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
