"""aws:runShellScript: commands, joined to a script for the shell or for the program its first line names."""

from __future__ import annotations

from typing import Any

from hostreeve.agent.order import Order, Place
from hostreeve.agent.plugins.script import commands_of, order_for, write_script

SHELL = "/bin/sh"


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs when the inputs have another form; OSError when the script cannot be written."""
    text = "\n".join(commands_of(inputs)) + "\n"
    path = write_script(place, "_script.sh", text)
    # The kernel honours a first line of `#!`, as it does for scripts of the official agent.
    argv = [path] if text.startswith("#!") else [SHELL, path]
    return order_for(inputs, place, argv)
