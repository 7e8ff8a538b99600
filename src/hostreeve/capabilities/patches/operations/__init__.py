"""Patch Manager, as AWS callers see it."""

from hostreeve.capabilities.patches.operations import baselines, groups
from hostreeve.capabilities.patches.operations.service import ssm

__all__ = ["baselines", "groups", "ssm"]
