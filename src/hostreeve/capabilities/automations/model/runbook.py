"""A runbook as the engine sees it: its steps with their defaults, loops with the steps inside them."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

LOOP, UPDATE_VARIABLE = "aws:loop", "aws:updateVariable"
ABORT, CONTINUE = "Abort", "Continue"
STEP = "step:"
TIMEOUTS_S = {
    "aws:approve": 604_800,
    "aws:changeInstanceState": 3_600,
    "aws:executeAwsApi": 25,
    "aws:executeScript": 600,
    "aws:invokeLambdaFunction": 300,
    "aws:runInstances": 3_600,
    "aws:waitForAwsResourceProperty": 3_600,
}
"""How long a step takes at most where the runbook does not say; other actions take as long as they like."""


class Output(Struct, frozen=True):
    """A value that a step takes out of what its action answered."""

    name: str
    selector: str
    type: str


class Step(Struct, frozen=True, kw_only=True):
    """One step. `on_failure` is Abort, Continue or `step:<name>`; `steps` are those inside a loop.

    Numbers and flags may be references, which are filled in when the step starts.
    """

    name: str
    action: str
    inputs: dict[str, Any] = {}
    outputs: tuple[Output, ...] = ()
    max_attempts: Any = 1
    timeout_s: Any = None
    on_failure: str = ABORT
    on_cancel: str = ABORT
    is_critical: Any = None
    is_end: Any = False
    next_step: str | None = None
    steps: tuple["Step", ...] = ()

    @property
    def is_loop(self) -> bool:
        return self.action == LOOP

    def counts(self, given: Any = None) -> bool:
        """Whether its failure makes the execution fail. Unsaid, it does unless the failure is ignored."""
        said = self.is_critical if given is None else given
        return truth(said) if said is not None else self.on_failure != CONTINUE


class Runbook(Struct, frozen=True, kw_only=True):
    """A document of schema 0.3 as it is run. `parameters` and `variables` are as they are declared."""

    steps: tuple[Step, ...]
    parameters: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    outputs: tuple[str, ...] = ()
    assume_role: str = ""
    files: dict[str, Any] = {}

    def inside(self, loops: tuple[str, ...]) -> tuple[Step, ...]:
        """The steps among which the innermost of these loops goes on; without loops, those of the runbook."""
        steps = self.steps
        for name in loops:
            steps = named(steps, name).steps
        return steps

    def every(self) -> Iterator[Step]:
        """All steps, those inside loops too."""
        heap = list(reversed(self.steps))
        while heap:
            step = heap.pop()
            yield step
            heap.extend(reversed(step.steps))


def named(steps: tuple[Step, ...], name: str) -> Step:
    """The step of that name; the document was checked, so there is one."""
    return next(step for step in steps if step.name == name)


def following(steps: tuple[Step, ...], name: str) -> str | None:
    """The step behind another in the order of the document."""
    names = [step.name for step in steps]
    place = names.index(name) + 1
    return names[place] if place < len(names) else None


def truth(said: Any) -> bool:
    """A flag, or its text."""
    return said if isinstance(said, bool) else str(said).lower() == "true"


def read(content: Mapping[str, Any]) -> Runbook:
    """Content that was found good when the document was made."""
    return Runbook(
        steps=_steps(content["mainSteps"]),
        parameters=dict(content.get("parameters") or {}),
        variables=dict(content.get("variables") or {}),
        outputs=tuple(content.get("outputs") or ()),
        assume_role=content.get("assumeRole") or "",
        files=dict(content.get("files") or {}),
    )


@lru_cache(maxsize=256)
def opened(body: str) -> Runbook:
    """The runbook that this JSON text holds. One object for all executions of it."""
    return read(msgspec.json.decode(body))


def _steps(listed: list[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(_step(each) for each in listed)


def _step(raw: Mapping[str, Any]) -> Step:
    inputs = dict(raw.get("inputs") or {})
    inner = inputs.pop("Steps", []) if raw["action"] == LOOP else []
    return Step(
        name=raw["name"],
        action=raw["action"],
        inputs=inputs,
        outputs=tuple(Output(o["Name"], o["Selector"], o["Type"]) for o in raw.get("outputs") or ()),
        max_attempts=raw.get("maxAttempts", 1),
        timeout_s=raw.get("timeoutSeconds", TIMEOUTS_S.get(raw["action"])),
        on_failure=raw.get("onFailure") or ABORT,
        on_cancel=raw.get("onCancel") or ABORT,
        is_critical=raw.get("isCritical"),
        is_end=raw.get("isEnd", False),
        next_step=raw.get("nextStep"),
        steps=_steps(inner),
    )
