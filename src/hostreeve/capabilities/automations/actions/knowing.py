"""What the names in `{{ }}` stand for in one execution, at the moment when they are used."""

from datetime import UTC, datetime
from typing import Any

from hostreeve.capabilities.automations.model import references
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.capabilities.automations.model.references import Absent
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.kernel.scope import PARTITION
from hostreeve.persistence.database import Transaction

ITERATION, ITERATOR_VALUE = "CurrentIteration", "CurrentIteratorValue"


class Knowledge:
    """`knowledge(name)` is the value of a reference, or Absent is raised."""

    def __init__(self, tx: Transaction, one: Execution, now_ms: int) -> None:
        self._tx = tx
        self._one = one
        self._now_ms = now_ms

    def __call__(self, name: str) -> Any:
        return references.looked_up(name, self._whole)

    def fill(self, value: Any) -> Any:
        return references.fill(value, self)

    def _whole(self, name: str) -> Any:
        if name.startswith(("global:", "automation:")):
            return self._system(name)
        if name.startswith("variable:"):
            return _of(self._one.state.variables, name.removeprefix("variable:"), name)
        if name.startswith("loop."):
            return self._loop(name)
        if name in self._one.asked.values:
            return self._parameter(name)
        step, point, output = name.partition(".")
        if not point:
            raise Absent(name)
        return self._output(step, output, name)

    def _parameter(self, name: str) -> Any:
        value = self._one.asked.values[name]
        if name not in self._one.asked.defaults:
            # What a caller gave is never looked at for references.
            return value
        return references.fill(value, self._in_default)

    def _in_default(self, name: str) -> Any:
        """What may stand in a default of the document: the time, for one, at each use anew."""
        if name.startswith(("global:", "automation:")):
            return self._system(name)
        return _of(self._one.asked.values, name, name)

    def _system(self, name: str) -> str:
        now = datetime.fromtimestamp(self._now_ms / 1000, UTC)
        known = {
            "global:ACCOUNT_ID": self._one.account,
            "global:REGION": self._one.region,
            "global:AWS_PARTITION": PARTITION,
            "global:DATE": f"{now:%Y-%m-%d}",
            "global:DATE_TIME": f"{now:%Y-%m-%d_%H.%M.%S}",
            "automation:EXECUTION_ID": self._one.execution_id,
        }
        return str(_of(known, name, name))

    def _output(self, step: str, output: str, name: str) -> Any:
        for frame in reversed(self._one.state.path):
            if frame.name == step and output in (ITERATION, ITERATOR_VALUE):
                return self._of_frame(frame.step_number, frame.iteration, output, name)
        row = step_rows.named(self._tx, self._one.scope, self._one.execution_id, step)
        if row is None:
            raise Absent(name)
        return _of(row.body.outputs, output, name)

    def _loop(self, name: str) -> Any:
        path = self._one.state.path
        if not path:
            raise Absent(name)
        output = name.removeprefix("loop.")
        return self._of_frame(path[-1].step_number, path[-1].iteration, output, name)

    def _of_frame(self, number: int, iteration: int, output: str, name: str) -> Any:
        if output == ITERATION:
            return iteration
        row = step_rows.find(self._tx, self._one.scope, self._one.execution_id, number)
        iterators = row.body.memory.get("iterators") if row else None
        if output != ITERATOR_VALUE or not iterators:
            raise Absent(name)
        return iterators[iteration - 1]


def _of(values: Any, key: str, name: str) -> Any:
    if key not in values:
        raise Absent(name)
    return values[key]
