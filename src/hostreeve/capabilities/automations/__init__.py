"""Automation: runbooks of schema 0.3, carried out step by step, whatever happens to the server meanwhile.

`graph` gives the ways through a runbook's content, for pictures.
"""

from collections.abc import Mapping
from typing import Any

from hostreeve.capabilities.automations.model.graph import END, START, Edge, Graph, Way
from hostreeve.capabilities.automations.model.graph import graph as _graph
from hostreeve.capabilities.automations.model.runbook import Step, read

__all__ = ["END", "START", "Edge", "Graph", "Step", "Way", "graph"]


def graph(content: Mapping[str, Any]) -> Graph:
    """The ways through a runbook whose content was found good."""
    return _graph(read(content).steps)
