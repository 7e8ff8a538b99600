"""The plugins of this agent, by the action that documents name."""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet

from hostreeve.agent.order import Order, Place
from hostreeve.agent.plugins import run_powershell_script, run_shell_script

PREPARE: Dict[str, Callable[[Any, Place], Order]] = {
    plugin.ACTION: plugin.prepare for plugin in (run_shell_script, run_powershell_script)
}


def available() -> FrozenSet[str]:
    """The actions that can be done on this machine as it is now."""
    plugins = (run_shell_script, run_powershell_script)
    return frozenset(plugin.ACTION for plugin in plugins if plugin.is_available())
