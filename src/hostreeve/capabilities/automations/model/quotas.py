"""How much there may be of automations: AWS's quotas, raisable."""

from collections.abc import Mapping
from typing import NamedTuple


class Quota(NamedTuple):
    """AWS's words for it, and its value unless somebody raised it."""

    name: str
    default: int


QUOTAS: Mapping[str, Quota] = {
    "automations-at-once": Quota("Concurrently executing automations", 100),
    "automations-at-once-adaptive": Quota("Concurrently executing automations, adaptive concurrency", 500),
    "automations-queued": Quota("Automation execution queue size", 1_000),
    "automation-history-days": Quota("Days that executions are remembered", 30),
}
"""Every quota of Automation by the key that raises it."""

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
