"""Where commands and invocations can stand, in AWS's words, and how many of a command's are where."""

from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """An invocation's StatusDetails; `shown` gives the coarser Status beside it."""

    PENDING = "Pending"
    DELAYED = "Delayed"
    IN_PROGRESS = "InProgress"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    FAILED = "Failed"
    EXECUTION_TIMED_OUT = "ExecutionTimedOut"
    DELIVERY_TIMED_OUT = "DeliveryTimedOut"
    CANCELLED = "Cancelled"
    TERMINATED = "Terminated"
    UNDELIVERABLE = "Undeliverable"
    INVALID_PLATFORM = "InvalidPlatform"
    ACCESS_DENIED = "AccessDenied"


class CommandStatus(StrEnum):
    """A command's StatusDetails."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    FAILED = "Failed"
    EXECUTION_TIMED_OUT = "ExecutionTimedOut"
    DELIVERY_TIMED_OUT = "DeliveryTimedOut"
    INCOMPLETE = "Incomplete"
    CANCELLED = "Cancelled"
    NO_INSTANCES_IN_TAG = "NoInstancesInTag"
    LIMIT_EXCEEDED = "LimitExceeded"
    ACCESS_DENIED = "AccessDenied"


_SHOWN = {
    "ExecutionTimedOut": "TimedOut",
    "DeliveryTimedOut": "TimedOut",
    "Terminated": "Cancelled",
    "Undeliverable": "Failed",
    "InvalidPlatform": "Failed",
    "AccessDenied": "Failed",
    "Incomplete": "Failed",
    # AWS documents no Status beside NoInstancesInTag; nothing went wrong, so it is not an error to callers.
    "NoInstancesInTag": "Success",
    # Nothing ran, and the caller wanted it to.
    "LimitExceeded": "Failed",
}


def shown(status: str) -> str:
    """The Status that goes with a StatusDetails value, of a command or an invocation."""
    return _SHOWN.get(status, str(status))


class Tally(Struct, frozen=True, kw_only=True):
    """How many of a command's invocations are where. `waiting` are those not yet handed to their mailbox."""

    total: int = 0
    waiting: int = 0
    success: int = 0
    failed: int = 0
    execution_timed_out: int = 0
    delivery_timed_out: int = 0
    never_ran: int = 0
    cancelled: int = 0
    terminated: int = 0

    @property
    def ended(self) -> int:
        return (
            self.success
            + self.failed
            + self.execution_timed_out
            + self.delivery_timed_out
            + self.never_ran
            + self.cancelled
            + self.terminated
        )

    @property
    def in_flight(self) -> int:
        return self.total - self.waiting - self.ended

    @property
    def errors(self) -> int:
        """What counts towards MaxErrors: deliveries that failed do not."""
        return self.failed + self.execution_timed_out
