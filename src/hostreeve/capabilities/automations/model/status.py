"""Where executions and their steps can stand, in AWS's words, and how many of one's children are where."""

from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """Of executions and of steps, in AWS's words."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    WAITING = "Waiting"
    SUCCESS = "Success"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"


ENDED = frozenset({Status.SUCCESS, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED})
OPEN = frozenset(Status) - ENDED


class Verdict(StrEnum):
    """What is already certain of how an execution ends: the worst that happened to a step that counts."""

    SUCCESS = "Success"
    TIMED_OUT = "TimedOut"
    FAILED = "Failed"


class Tally(Struct, frozen=True, kw_only=True):
    """How the children of a rate-controlled execution stand. `total` is how many targets there are."""

    total: int = 0
    begun: int = 0
    success: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0

    @property
    def ended(self) -> int:
        return self.success + self.failed + self.timed_out + self.cancelled

    @property
    def running(self) -> int:
        return self.begun - self.ended

    @property
    def errors(self) -> int:
        return self.failed + self.timed_out
