"""What the engine is given of the house around it, and what an action gets of the step that it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hostreeve.api.call import Call, Principal, Sealer
from hostreeve.capabilities.automations.actions import acting
from hostreeve.capabilities.automations.actions.knowing import Knowledge
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.capabilities.automations.model.outcome import Broken, Outcome, Succeeded, Unfit
from hostreeve.capabilities.automations.model.references import written
from hostreeve.capabilities.automations.model.runbook import Step
from hostreeve.gateway.within import Within
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.sandbox.sandbox import Sandbox
from hostreeve.sandbox.script import Endpoint


@dataclass(frozen=True, slots=True)
class House:
    """The world, the keys, the way to every operation that there is, and where scripts run: `endpoint` is
    what they may reach, None where there is no port."""

    world: World
    keys: Sealer
    within: Within
    endpoint: Endpoint | None = None
    sandbox: Sandbox = field(default_factory=Sandbox)


@dataclass(frozen=True, slots=True)
class At:
    """A step in this transaction. `inputs` are filled in, `memory` is what its action kept, `step_id` names
    this execution of the step: what is begun for it is begun for that id."""

    tx: Transaction
    one: Execution
    step: Step
    step_id: str
    inputs: Mapping[str, Any]
    memory: Mapping[str, Any]
    outputs: Mapping[str, Any]
    house: House
    now_ms: int

    def who(self) -> Principal:
        """Whom the runbook acts as. AccessDeniedException, ExpiredTokenException."""
        return acting.who_acts(self.tx, self.one, self.now_ms)

    def call(self) -> Call:
        """A call of whom the runbook acts as."""
        return self._as(self.who())

    def initiators(self) -> Call:
        """A call of who began the execution: children are begun in their name."""
        return self._as(acting.who_began(self.tx, self.one, self.now_ms))

    def knowledge(self) -> Knowledge:
        return Knowledge(self.tx, self.one, self.now_ms)

    def _as(self, who: Principal) -> Call:
        world, keys = self.house.world, self.house.keys
        return acting.call_as(self.tx, self.one, who, world=world, keys=keys, now_ms=self.now_ms)


class Action(Protocol):
    """What carries out steps of one kind, in the transaction that is given.

    AwsError from any of these lets the whole transaction come to nothing, and the step fails with it. Unfit:
    an input that it cannot take. `is_repeatable`: what was begun outside may be begun again when nobody knows
    what came of it. `fills`: it wants its inputs with the references put in.
    """

    is_repeatable: bool
    fills: bool

    def start(self, at: At) -> Outcome: ...

    def look(self, at: At) -> Outcome: ...

    def cancel(self, at: At) -> None: ...

    async def run(self, errand: Mapping[str, Any], house: House) -> Succeeded | Broken:
        """Do outside what `start` answered `Goes` with."""
        ...


class Momentary:
    """An action that is done when it has begun."""

    is_repeatable = True
    fills = True

    def start(self, at: At) -> Outcome:
        raise NotImplementedError

    def look(self, at: At) -> Outcome:
        """There is nothing to wait for."""
        return Succeeded()

    def cancel(self, at: At) -> None:
        """There is nothing to stop."""

    async def run(self, errand: Mapping[str, Any], house: House) -> Succeeded | Broken:
        raise NotImplementedError


def text_of(inputs: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """An input that is a text; a list of one counts as its element. Unfit."""
    value = inputs.get(name, default)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool | int | float):
        value = written(value)
    if not isinstance(value, str):
        raise Unfit(f"{name} must be a String.")
    return value


def texts_of(inputs: Mapping[str, Any], name: str) -> list[str]:
    """An input that is a list of texts; a text counts as a list of one, "" as an empty one. Unfit."""
    value = inputs.get(name, [])
    if isinstance(value, str):
        value = [value] if value else []
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        raise Unfit(f"{name} must be a StringList.")
    return [str(item) for item in value]


def map_of(inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An input that is a map; none is an empty one. Unfit."""
    value = inputs.get(name) or {}
    if not isinstance(value, dict):
        raise Unfit(f"{name} must be a StringMap.")
    return value


def number_of(inputs: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    """An input that is a whole number within bounds, or its text. Unfit."""
    value = inputs.get(name, default)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        raise Unfit(f"{name} must be a whole number from {least} to {most}.")
    return value


def flag_of(inputs: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """An input that is a flag, or its text. Unfit."""
    value = inputs.get(name, default)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise Unfit(f"{name} must be a Boolean.")
    return value
