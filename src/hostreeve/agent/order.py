"""What a plugin asks the supervisor to run, and what it is told to make that of."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

TIMEOUT_S_MIN, TIMEOUT_S_MAX, TIMEOUT_S_DEFAULT = 5, 172_800, 3_600


class InvalidInputs(ValueError):
    """The step's inputs do not fit its plugin; the text goes to the user."""


class Place(NamedTuple):
    """Where a step runs: its folder (absolute), the command's downloads, the variables every script sees.

    `state` is the agent's folder; `trail` names the documents within which aws:runDocument runs this one.
    """

    folder: str
    downloads: str
    environment: Dict[str, str]
    state: str = ""
    trail: Tuple[str, ...] = ()

    def made(self) -> "Place":
        """This place, once its folder exists. OSError when it cannot."""
        Path(self.folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


class Order(NamedTuple):
    """A program to supervise. `argv[0]` is a path; an empty `working_directory` means the agent's own.

    No text in it holds a NUL character, which no program can be handed (see `handed_over`).
    """

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


def handed_over(what: str, text: str) -> str:
    """`text`, fit to be an argument, a variable or a path of a program. InvalidInputs when it is not."""
    if "\0" in text:
        raise InvalidInputs(f"{what} holds a NUL character, which no program can be given")
    return text


def encoded(text: str) -> bytes:
    """The bytes of `text` as programs are given them, whatever the agent's locale is."""
    return text.encode("utf-8", errors="surrogatepass")
