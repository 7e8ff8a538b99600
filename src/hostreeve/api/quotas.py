"""How much there may be of something: AWS's quotas, which an installation may set otherwise."""

from collections.abc import Mapping
from typing import NamedTuple


class Quota(NamedTuple):
    """AWS's words for it, and its value unless somebody raised it."""

    name: str
    default: int


class Quotas:
    """`quota = Quotas(table)`; `quota("documents")` is what holds now, KeyError when there is none."""

    def __init__(self, table: Mapping[str, Quota]) -> None:
        self._table = table
        self._raised: dict[str, int] = {}

    def __call__(self, key: str) -> int:
        return self._raised.get(key, self._table[key].default)

    def set(self, values: Mapping[str, int]) -> None:
        """Let this process have other values than AWS's, the same on all replicas; {} is AWS's values.

        ValueError names a key that is no quota of these, or a value below 1.
        """
        for key, value in values.items():
            if key not in self._table:
                raise ValueError(f"{key} is not one of: {', '.join(self._table)}")
            if value < 1:
                raise ValueError(f"{key} must be at least 1")
        self._raised.clear()
        self._raised.update(values)
