"""Nodes and activations, as AWS callers and agents see them."""

from hostreeve.capabilities.nodes.operations import activations, agents, fleet, summaries
from hostreeve.capabilities.nodes.operations.service import ssm

__all__ = ["activations", "agents", "fleet", "ssm", "summaries"]
