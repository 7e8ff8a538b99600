"""How much there may be of maintenance windows: AWS's quotas, raisable."""

from collections.abc import Mapping

from hostreeve.api.quotas import Quota, Quotas

QUOTAS: Mapping[str, Quota] = {
    "maintenance-windows": Quota("Maintenance windows per account and Region", 50),
    "maintenance-window-tasks": Quota("Tasks per maintenance window", 20),
    "maintenance-window-targets": Quota("Targets per maintenance window", 100),
    "maintenance-window-targets-per-task": Quota("Targets per task", 10),
    "maintenance-window-history-days": Quota("Days that executions of windows are remembered", 30),
}
"""Every quota of maintenance windows by the key that raises it."""

quota = Quotas(QUOTAS)
set_quotas = quota.set
