"""What really happened on the nodes, kept where no fault reaches: what the server says is held against it."""

from collections import Counter
from dataclasses import dataclass, field

Step = tuple[str, str]
"""Job id, step id."""


class Violation(AssertionError):
    """Something happened that must never happen."""


@dataclass
class Ledger:
    """`produced` are a stream's bytes by (job id, step id, stream); `outcomes` how a job ended."""

    starts: Counter[Step] = field(default_factory=Counter)
    produced: dict[tuple[str, str, str], bytearray] = field(default_factory=dict)
    steps: dict[Step, tuple[str, int]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    heard_ms: dict[str, int] = field(default_factory=dict)
    """The latest time that anybody's clock had shown when the node learned that its final reply is kept."""
    excused: set[str] = field(default_factory=set)
    """Jobs about which an official agent may be silent: it crashed while it had to do with them."""
    answered: list[str] = field(default_factory=list)
    """Commands whose sender was told their id."""
