"""How much there may be of maintenance windows: AWS's quotas, raisable."""

from collections.abc import Mapping
from typing import NamedTuple


class Quota(NamedTuple):
    """AWS's words for it, and its value unless somebody raised it."""

    name: str
    default: int


QUOTAS: Mapping[str, Quota] = {
    "maintenance-windows": Quota("Maintenance windows per account and Region", 50),
    "maintenance-window-tasks": Quota("Tasks per maintenance window", 20),
    "maintenance-window-targets": Quota("Targets per maintenance window", 100),
    "maintenance-window-targets-per-task": Quota("Targets per task", 10),
    "maintenance-window-history-days": Quota("Days that executions of windows are remembered", 30),
}
"""Every quota of maintenance windows by the key that raises it."""

_raised: dict[str, int] = {}


def quota(key: str) -> int:
    """What holds now. KeyError when there is no such quota."""
    return _raised.get(key, QUOTAS[key].default)


def set_quotas(values: Mapping[str, int]) -> None:
    """Let this process have other values than AWS's, the same on all replicas; {} is AWS's values."""
    unknown = values.keys() - QUOTAS.keys()
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]} is not one of: {', '.join(QUOTAS)}")
    _raised.clear()
    _raised.update(values)
