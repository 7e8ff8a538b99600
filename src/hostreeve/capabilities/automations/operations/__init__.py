"""Automation, as AWS callers see it."""

from hostreeve.capabilities.automations.operations import executions, previews, steps
from hostreeve.capabilities.automations.operations.service import ssm

__all__ = ["executions", "previews", "ssm", "steps"]
