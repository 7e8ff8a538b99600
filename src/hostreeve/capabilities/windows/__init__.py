"""Maintenance windows: when work may be done on which nodes, and the tasks that are done then.

It is told of the ends of what it started (`ended`); services that run tasks open their door (`open_door`).
"""

from hostreeve.capabilities.windows.actions.advancing import ended
from hostreeve.capabilities.windows.actions.changing import exists
from hostreeve.capabilities.windows.actions.runners import OWNER, Outcome, Runner, open_door
from hostreeve.capabilities.windows.model.quotas import QUOTAS, set_quotas
from hostreeve.capabilities.windows.model.window import window_arn
from hostreeve.platform import groups

TAGGABLE = groups.Taggable(
    "MaintenanceWindow", window_arn, exists, "AWS::SSM::MaintenanceWindow", "ssm:maintenancewindow"
)

__all__ = [
    "OWNER",
    "QUOTAS",
    "TAGGABLE",
    "Outcome",
    "Runner",
    "ended",
    "open_door",
    "set_quotas",
]
