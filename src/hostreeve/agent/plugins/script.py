"""What the two script plugins share: inputs with a list of commands, written to a file and run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List

from hostreeve.agent.order import InvalidInputs, Order, Place, encoded, handed_over, timeout_s


def commands_of(inputs: Any) -> List[str]:
    """The lines of the script. InvalidInputs when `runCommand` is not a list of texts."""
    if not isinstance(inputs, dict):
        raise InvalidInputs(f"Invalid format in plugin properties {inputs};\nerror: inputs must be an object")
    commands = inputs.get("runCommand")
    if commands is None:
        return []
    if not isinstance(commands, list) or not all(isinstance(each, str) for each in commands):
        raise InvalidInputs(
            f"Invalid format in plugin properties {inputs};\nerror: runCommand must be a list of strings"
        )
    return commands


def write_script(place: Place, name: str, text: str) -> str:
    """Put the script into the step's folder, executable by the agent's user only; its path."""
    path = f"{place.folder}/{name}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
    with os.fdopen(descriptor, "wb") as script:
        # Lone surrogates can come out of JSON; a script holds the bytes that say the same.
        script.write(encoded(text))
    return path


def order_for(inputs: Dict[str, Any], place: Place, argv: List[str]) -> Order:
    return Order(
        argv=argv,
        environment=environment_for(inputs.get("environment"), place),
        working_directory=_working_directory(inputs.get("workingDirectory"), place),
        timeout_s=timeout_s(inputs.get("timeoutSeconds")),
    )


def environment_for(given: Any, place: Place) -> Dict[str, str]:
    """The step's own variables, and over them those that every script of the command sees."""
    environment: Dict[str, str] = {}
    if isinstance(given, dict):
        for name, value in given.items():
            if not name or "=" in name:
                raise InvalidInputs(f"{name!r} cannot be the name of an environment variable")
            environment[str(name)] = str(value)
    environment.update(place.environment)
    for name, value in environment.items():
        handed_over(f"the environment variable {name[:100]!r}", name + value)
    return environment


def _working_directory(written: Any, place: Place) -> str:
    folder = written.strip() if isinstance(written, str) else ""
    handed_over("workingDirectory", folder)
    if Path(folder).is_absolute():
        return folder
    # A relative folder, or none, is where an earlier step has downloaded; without it the agent's own is used.
    downloaded = Path(place.downloads) / folder
    return str(downloaded) if downloaded.is_dir() else ""
