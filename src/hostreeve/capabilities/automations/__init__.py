"""Automation: runbooks of schema 0.3, carried out step by step, whatever happens to the server meanwhile.

Neighbours begin executions (`start`), stop them (`cancel`), look at them (`find`) and follow those that they
began to their end (`follow`). It is told of the ends of the commands that its steps sent (`command_ended`).
`graph` gives the ways through a runbook's content, for pictures.
"""

from collections.abc import Mapping
from typing import Any

from hostreeve.capabilities.automations.actions import away, recorded
from hostreeve.capabilities.automations.actions.ending import follow
from hostreeve.capabilities.automations.actions.house import House
from hostreeve.capabilities.automations.actions.locating import OWNER as LOCATION
from hostreeve.capabilities.automations.actions.locating import child_ended
from hostreeve.capabilities.automations.actions.placing import SHARED
from hostreeve.capabilities.automations.actions.queueing import ADAPTIVE
from hostreeve.capabilities.automations.actions.signalling import command_ended
from hostreeve.capabilities.automations.actions.starting import Origin, check_role_of, start
from hostreeve.capabilities.automations.actions.steps.run_command import OWNER
from hostreeve.capabilities.automations.actions.stopping import cancel
from hostreeve.capabilities.automations.actions.tagging import TAGGABLE
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.capabilities.automations.model.graph import END, START, Edge, Graph, Way
from hostreeve.capabilities.automations.model.graph import graph as _graph
from hostreeve.capabilities.automations.model.quotas import QUOTAS, set_quotas
from hostreeve.capabilities.automations.model.runbook import Step, read
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.capabilities.automations.store.executions import find

SETTINGS = (ADAPTIVE, SHARED)
"""The service settings of Automation."""

__all__ = [
    "END",
    "LOCATION",
    "OWNER",
    "QUOTAS",
    "SETTINGS",
    "START",
    "TAGGABLE",
    "Edge",
    "Execution",
    "Graph",
    "House",
    "Origin",
    "Status",
    "Step",
    "Way",
    "away",
    "cancel",
    "check_role_of",
    "child_ended",
    "command_ended",
    "find",
    "follow",
    "graph",
    "recorded",
    "set_quotas",
    "start",
]


def graph(content: Mapping[str, Any]) -> Graph:
    """The ways through a runbook whose content was found good."""
    return _graph(read(content).steps)
