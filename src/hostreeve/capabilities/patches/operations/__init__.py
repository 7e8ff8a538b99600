"""Patch Manager, as AWS callers see it, and what is our own."""

from hostreeve.capabilities.patches.operations import baselines, catalog, groups, snapshots, states
from hostreeve.capabilities.patches.operations.own import hostreeve
from hostreeve.capabilities.patches.operations.service import ssm

__all__ = ["baselines", "catalog", "groups", "hostreeve", "snapshots", "ssm", "states"]
