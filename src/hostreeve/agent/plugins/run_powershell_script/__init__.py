"""aws:runPowerShellScript, where PowerShell (pwsh) is installed."""

from __future__ import annotations

from typing import Any

from hostreeve.agent.children import program
from hostreeve.agent.order import InvalidInputs, Order, Place
from hostreeve.agent.plugins.script import commands_of, order_for, write_script


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs when the inputs have another form; OSError when the script cannot be written."""
    shell = program("pwsh")
    if shell is None:
        raise InvalidInputs("PowerShell (pwsh) is not installed on this node")
    # Without this line PowerShell reports success whatever its last program returned.
    text = "\n".join([*commands_of(inputs), "exit $LASTEXITCODE"]) + "\n"
    path = write_script(place, "_script.ps1", text)
    argv = [shell, "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Unrestricted", "-File", path]
    return order_for(inputs, place, argv)
