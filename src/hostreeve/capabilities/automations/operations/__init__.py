"""Automation, as AWS callers see it."""

from hostreeve.capabilities.automations.operations import executions, steps
from hostreeve.capabilities.automations.operations.service import ssm

__all__ = ["executions", "ssm", "steps"]
