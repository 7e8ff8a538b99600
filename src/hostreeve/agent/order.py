"""What a plugin asks the supervisor to run, and what it is told to make that of."""

from __future__ import annotations

from typing import Dict, List, NamedTuple

TIMEOUT_S_MIN, TIMEOUT_S_MAX, TIMEOUT_S_DEFAULT = 5, 172_800, 3_600


class InvalidInputs(ValueError):
    """The step's inputs do not fit its plugin; the text goes to the user."""


class Place(NamedTuple):
    """Where a step runs: its folder (absolute), the command's downloads, the variables every script sees."""

    folder: str
    downloads: str
    environment: Dict[str, str]


class Order(NamedTuple):
    """A program to supervise. `argv[0]` is a path; an empty `working_directory` means the agent's own."""

    argv: List[str]
    environment: Dict[str, str]
    working_directory: str = ""
    timeout_s: int = TIMEOUT_S_DEFAULT


def timeout_s(written: object) -> int:
    """Whole seconds from text or number. What is outside the limits silently means the default, as at AWS."""
    try:
        seconds = int(str(written).strip())
    except ValueError:
        return TIMEOUT_S_DEFAULT
    return seconds if TIMEOUT_S_MIN <= seconds <= TIMEOUT_S_MAX else TIMEOUT_S_DEFAULT
