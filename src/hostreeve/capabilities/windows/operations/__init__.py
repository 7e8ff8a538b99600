"""Maintenance windows, as AWS callers see them."""

from hostreeve.capabilities.windows.operations import executions, registrations, schedules, windows
from hostreeve.capabilities.windows.operations.service import ssm

__all__ = ["executions", "registrations", "schedules", "ssm", "windows"]
