"""What an action came to, and the words for it when it came to nothing."""

from typing import Any

from msgspec import Struct

from hostreeve.capabilities.automations.model.execution import Failure
from hostreeve.capabilities.automations.model.status import Status

SEE = "Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
INPUT, PREPARING, INVOKING, VERIFYING = "InputValidation", "PreVerification", "Invocation", "PostVerification"
ACTION, PERMISSION, THROTTLING, VERIFICATION, INTERNAL = (
    "Action",
    "Permission",
    "Throttling",
    "Verification",
    "Internal",
)
FAULT = "An internal error occurred."
UNKNOWN_OUTCOME = (
    "outcome unknown: the server that carried the step out stopped before it could tell, and the step is not "
    "one that may be done twice."
)
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredTokenException"}
)
_THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"}
)


class Succeeded(Struct, frozen=True, kw_only=True):
    """It is done. `answer` is what the step's own outputs are selected from; `outputs` are the action's.

    `goes_to`: the step that a branch chose. `variables` are written.
    """

    outputs: dict[str, Any] = {}
    answer: Any = None
    response: str = ""
    response_code: str = ""
    goes_to: str | None = None
    variables: dict[str, Any] = {}


class Broken(Struct, frozen=True, kw_only=True):
    """It failed. What it has done by then stays done."""

    failure: Failure
    outputs: dict[str, Any] = {}
    status: Status = Status.FAILED
    response: str = ""
    response_code: str = ""


class Waits(Struct, frozen=True, kw_only=True):
    """It goes on: look again at `look_ms` (None: somebody will tell). `memory` is the action's own.

    `is_waiting`: it waits for people. `frees_slot`: it waits for other executions, which need room too.
    """

    look_ms: int | None = None
    memory: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    is_waiting: bool = False
    frees_slot: bool = False


class Goes(Struct, frozen=True, kw_only=True):
    """It is done outside the database, once this transaction is on disk, within `timeout_s`."""

    errand: dict[str, Any]
    timeout_s: float


Outcome = Succeeded | Broken | Waits | Goes


class Unfit(ValueError):
    """An input that an action cannot take; the text says which and why."""


def unfit(why: str) -> Failure:
    """What could not be read or put in before the action began."""
    return Failure(
        message=f"Step fails when it is validating and resolving the step inputs. {_sentence(why)} {SEE}",
        stage=INPUT,
        type=VERIFICATION,
    )


def failed(why: str, *, type: str = ACTION, stage: str = INVOKING) -> Failure:
    """What went wrong while it was done."""
    return Failure(
        message=f"Step fails when it is Execute/Cancelling action. {_sentence(why)} {SEE}",
        type=type,
        stage=stage,
    )


def unverified(why: str) -> Failure:
    """What was looked at afterwards and found to be otherwise."""
    return Failure(
        message=f"Step fails when it is Poll action status for completion. {_sentence(why)} {SEE}",
        stage=VERIFYING,
        type=VERIFICATION,
    )


def refused(code: str, message: str, api: str = "") -> Failure:
    """An error of an operation, by its code."""
    kind = PERMISSION if code in _DENIED else THROTTLING if code in _THROTTLED else ACTION
    calling = f" when calling the {api} operation" if api else ""
    made = failed(f"An error occurred ({code}){calling}: {message}", type=kind)
    return Failure(message=made.message, stage=made.stage, type=kind, details={"ErrorCode": [code]})


def timed_out(timeout_s: int | None) -> Failure:
    within = f" within {timeout_s} seconds" if timeout_s is not None else ""
    return Failure(
        message=f"Step timed out while step is executing: it did not end{within}. {SEE}",
        stage=INVOKING,
        type=ACTION,
    )


def _sentence(why: str) -> str:
    text = why.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
