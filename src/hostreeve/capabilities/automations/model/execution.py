"""An execution and its steps as values: what was asked, where it stands, what each step came to."""

from typing import Any

from msgspec import Struct

from hostreeve.capabilities.automations.model.status import ENDED, Status, Tally, Verdict
from hostreeve.kernel.scope import Scope

AUTO, INTERACTIVE = "Auto", "Interactive"
MAX_CONCURRENCY, MAX_ERRORS = "10", "10"
STEPS_DONE_MAX = 10_000
"""Steps that one execution does at most, each time in a loop counted."""
DEPTH_MAX = 10
"""How deep executions may begin one another."""


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked, as it was understood; none of it changes.

    `values` are those of the parameters, typed; of those named in `defaults` the document said the value, and
    what system variables and parameters that holds is put in at each use. `principal` is who asked.
    `owner` (`kind:reference`) is what in this system asked and is told of the end. `parent_step`: the step
    (its id) that began it. `is_spread`: it begins one child per target and does nothing itself.
    `locations`: TargetLocations; then the children are one per account and Region. `target_type`: the
    document's.
    """

    document_name: str
    document_version: str
    document_arn: str
    hash: str
    values: dict[str, Any] = {}
    defaults: tuple[str, ...] = ()
    mode: str = AUTO
    principal: dict[str, Any] = {}
    source_ip: str = ""
    assume_role: str = ""
    owner: str = ""
    association_id: str = ""
    parent_id: str = ""
    parent_step: str = ""
    depth: int = 0
    target_parameter: str = ""
    targets: list[dict[str, Any]] = []
    target_maps: list[dict[str, list[str]]] = []
    max_concurrency: str = MAX_CONCURRENCY
    max_errors: str = MAX_ERRORS
    is_spread: bool = False
    locations: list[dict[str, Any]] = []
    target_type: str = ""
    target: str = ""
    parameters: dict[str, list[str]] = {}
    """As they were given: what children of a spread get."""


class Frame(Struct, frozen=True):
    """A loop that goes on: its step's name and id, the iteration (from 1), and when it must be over."""

    name: str
    step_number: int
    iteration: int = 1
    deadline_ms: int | None = None


class State(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an execution stands. `at` is the number of the step whose turn it is; None before the first and
    after the last. `next_number` is that of the next step that gets a row."""

    at: int | None = None
    path: tuple[Frame, ...] = ()
    next_number: int = 0
    spans: tuple[int, ...] = ()
    """Across accounts: the number behind the last step of each entry of `locations`."""
    verdict: Verdict = Verdict.SUCCESS
    variables: dict[str, Any] = {}
    failure: str = ""
    outputs: dict[str, list[str]] = {}
    is_held: bool = False
    valid_next: tuple[str, ...] = ()
    stop: str = ""
    """`Cancel` or `Complete`, once somebody has asked for it."""
    cancel_until_ms: int | None = None


class Execution(Struct, frozen=True, kw_only=True):
    """A row. Times are milliseconds."""

    account: str
    region: str
    execution_id: str
    status: Status
    asked: Asked
    state: State
    current_action: str = ""
    holds_slot: bool = False
    tally: Tally = Tally()
    started_ms: int = 0
    ended_ms: int | None = None
    due_ms: int | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def arn(self) -> str:
        return self.scope.arn("ssm", f"automation-execution/{self.execution_id}")


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a step failed: AWS's FailureStage and FailureType, and the words."""

    message: str
    stage: str = "Invocation"
    type: str = "Action"
    details: dict[str, list[str]] = {}


class Done(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a step besides its columns.

    `inputs` are JSON texts, `outputs` values. `memory` is its action's own. `errand`: something outside the
    database is under way for it, under this id until `errand_until_ms`.
    """

    inputs: dict[str, str] = {}
    outputs: dict[str, Any] = {}
    response: str = ""
    response_code: str = ""
    failure: Failure | None = None
    attempt: int = 0
    is_again: bool = False
    max_attempts: int = 1
    timeout_s: int | None = None
    is_critical: bool | None = None
    deadline_ms: int | None = None
    look_ms: int | None = None
    errand: str = ""
    errand_until_ms: int | None = None
    memory: dict[str, Any] = {}
    valid_next: tuple[str, ...] = ()
    goes_to: str | None = None


class StepRow(Struct, frozen=True, kw_only=True):
    """A row of a step. `loop_id` is the id of the step of the loop around it, "" for none."""

    number: int
    step_execution_id: str
    name: str
    action: str
    status: Status = Status.PENDING
    loop_id: str = ""
    iteration: int = 0
    iterator_value: str = ""
    body: Done = Done()
    started_ms: int | None = None
    ended_ms: int | None = None
