"""Patch Manager, as AWS callers see it."""

from hostreeve.capabilities.patches.operations import baselines, groups, snapshots, states
from hostreeve.capabilities.patches.operations.service import ssm

__all__ = ["baselines", "groups", "snapshots", "ssm", "states"]
