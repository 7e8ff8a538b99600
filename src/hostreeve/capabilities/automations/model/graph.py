"""The ways through a runbook: what every picture of it is drawn from."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from hostreeve.capabilities.automations.model.runbook import STEP, Step, following, truth

START, END = "(start)", "(end)"
"""No step can be called so."""


class Way(StrEnum):
    """Why one goes from one step to another."""

    NEXT = "next"
    CHOICE = "choice"
    DEFAULT = "default"
    FAILURE = "failure"
    CANCEL = "cancel"


class Edge(Struct, frozen=True):
    """From one step to another by name; `START` and `END` are not steps. `label` is a choice's condition."""

    source: str
    target: str
    way: Way
    label: str = ""


class Graph(Struct, frozen=True):
    """The steps of one level with the ways between them; `inner` has the graph of each loop among them."""

    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    inner: dict[str, "Graph"]


def graph(steps: tuple[Step, ...]) -> Graph:
    """A failure that aborts, which is the default, is not drawn: it would lead from everywhere to the end."""
    edges = [Edge(START, steps[0].name, Way.NEXT)]
    for step in steps:
        edges.extend(_ways(step, steps))
    inner = {step.name: graph(step.steps) for step in steps if step.is_loop}
    return Graph(steps, tuple(dict.fromkeys(edges)), inner)


def _ways(step: Step, steps: tuple[Step, ...]) -> Iterator[Edge]:
    behind = following(steps, step.name) or END
    goes_on = True
    if step.action == "aws:branch":
        for choice in step.inputs.get("Choices", ()):
            condition = {name: value for name, value in choice.items() if name != "NextStep"}
            yield Edge(step.name, str(choice["NextStep"]), Way.CHOICE, in_words(condition))
        if "Default" in step.inputs:
            yield Edge(step.name, str(step.inputs["Default"]), Way.DEFAULT)
            goes_on = False
    if goes_on and truth(step.is_end):
        yield Edge(step.name, END, Way.NEXT)
    elif goes_on:
        yield Edge(step.name, step.next_step or behind, Way.NEXT)
    for way, said in ((Way.FAILURE, step.on_failure), (Way.CANCEL, step.on_cancel)):
        if said.startswith(STEP):
            yield Edge(step.name, said.removeprefix(STEP), way)


def in_words(condition: Mapping[str, Any]) -> str:
    """A choice's condition on one line: `lookup.State = "running" and not (…)`."""
    for name, word in (("And", " and "), ("Or", " or ")):
        if name in condition:
            return word.join(_grouped(each) for each in _listed(condition[name]))
    if "Not" in condition:
        return " and ".join(f"not {_grouped(each)}" for each in _listed(condition["Not"]))
    variable = str(condition.get("Variable", "")).strip("{} ")
    operators = [name for name in condition if name != "Variable"]
    if not operators:
        return variable
    value = condition[operators[0]]
    shown = (
        f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else value
    )
    return f"{variable} {_SIGNS.get(operators[0], operators[0])} {shown}"


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _grouped(condition: Mapping[str, Any]) -> str:
    said = in_words(condition)
    return f"({said})" if {"And", "Or"} & set(condition) else said


_SIGNS = {
    "StringEquals": "=",
    "BooleanEquals": "=",
    "NumericEquals": "=",
    "NumericGreater": ">",
    "NumericLesser": "<",
    "NumericGreaterOrEquals": "≥",
    "NumericLesserOrEquals": "≤",
    "EqualsIgnoreCase": "is, in any case,",
    "StartsWith": "starts with",
    "EndsWith": "ends with",
    "Contains": "contains",
}
