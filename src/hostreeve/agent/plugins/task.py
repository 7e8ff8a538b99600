"""Work that is no script: done by a process of ours under the same supervision, told by a file what to do.

The agent itself stays small and never waits: what a plugin has to load, fetch or compute, its process does.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from hostreeve.agent.children import our_python
from hostreeve.agent.order import TIMEOUT_S_DEFAULT, InvalidInputs, Order, Place
from hostreeve.agent.plugins.script import environment_for

_FILE = "task.json"


class Task(NamedTuple):
    """What a plugin's process is told. `plugin` names its folder; the rest is as in Place."""

    plugin: str
    inputs: Dict[str, Any]
    folder: str
    downloads: str
    environment: Dict[str, str]
    state: str
    trail: Tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        return Place(self.folder, self.downloads, self.environment, self.state, self.trail)


def order_for_task(plugin: str, inputs: Dict[str, Any], place: Place, *, timeout_s: int = 0) -> Order:
    """The order that runs `plugins/<plugin>/work.py` with these inputs."""
    environment = environment_for(None, place)
    task = Task(plugin, inputs, place.folder, place.downloads, place.environment, place.state, place.trail)
    path = f"{place.folder}/{_FILE}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(task._asdict(), file)
    return Order([*_python(), path], environment, timeout_s=timeout_s or TIMEOUT_S_DEFAULT)


def read_task(path: str) -> Task:
    """The task in a file that `order_for_task` wrote."""
    members = json.loads(Path(path).read_bytes())
    members["trail"] = tuple(members["trail"])
    return Task(**members)


def object_of(inputs: Any) -> Dict[str, Any]:
    """The inputs of a step, which must be an object. InvalidInputs when they are not."""
    if not isinstance(inputs, dict):
        raise InvalidInputs(f"Invalid format in plugin properties {inputs};\nerror: inputs must be an object")
    return inputs


def text_in(inputs: Dict[str, Any], name: str) -> str:
    """A member that may be missing (then empty). InvalidInputs when it is no text."""
    value = inputs.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInputs(f"{name} must be a string")
    return value.strip()


def flag_in(inputs: Dict[str, Any], name: str) -> bool:
    """A member that is true or false, as JSON or as text; missing means false. InvalidInputs for others."""
    value = inputs.get(name)
    if isinstance(value, str) and value.strip().lower() in ("true", "false", ""):
        return value.strip().lower() == "true"
    if value is None or isinstance(value, bool):
        return bool(value)
    raise InvalidInputs(f"{name} must be true or false")


def _python() -> List[str]:
    argv = our_python("hostreeve.agent.plugins.worker")
    # Under the same optimisation the byte code that the installer has made is found.
    return [argv[0], *(["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []), *argv[1:]]
