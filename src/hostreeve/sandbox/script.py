"""What goes into the sandbox and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

MB = 1 << 20


class End(StrEnum):
    """How a script ended; only `SUCCESS` has a result."""

    SUCCESS = "Success"
    RAISED = "Raised"
    TIMED_OUT = "TimedOut"
    KILLED = "Killed"
    RESULT_TOO_LARGE = "ResultTooLarge"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a script may use. Times in seconds, sizes in bytes.

    `memory` is what one process of it may map, `files` what it may write to /tmp (memory, too), `processes`
    how many processes and threads it may have; `output` what is kept of what it prints, `result` the JSON of
    what it returns.
    """

    seconds: float = 600.0
    memory: int = 512 * MB
    files: int = 64 * MB
    processes: int = 64
    output: int = 1 * MB
    result: int = 100 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The one address that a script may reach: the control plane's own TLS port.

    `host` is a name of the server's certificate (127.0.0.1 among them), `address` and `port` where it
    listens, `ca` the file of the authority that signed it.
    """

    host: str
    address: str
    port: int
    ca: Path


@dataclass(frozen=True, slots=True)
class Script:
    """A Python program and the function of it to call: `handler(payload, context)`.

    `files` are laid out in a folder that can be imported from; `handler` is `module.function` in them.
    `environment` reaches the script alone: it is in no command line and no file. Without an `endpoint` there
    is no network at all.
    """

    files: Mapping[str, bytes]
    handler: str
    payload: Any = None
    context: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    endpoint: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. `error` is one line for people, `output` what it printed and its traceback."""

    end: End
    result: Any = None
    error: str = ""
    output: str = ""
    output_truncated: bool = False
    seconds: float = 0.0


class NoSandbox(Exception):
    """This machine cannot keep a script in; nothing was run. The text says why and what to do."""
