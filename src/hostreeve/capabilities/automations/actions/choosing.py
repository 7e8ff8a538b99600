"""Conditions of branches and loops: a value compared, or such conditions joined by And, Or, Not."""

from collections.abc import Callable, Mapping
from typing import Any

from hostreeve.capabilities.automations.actions.knowing import Knowledge
from hostreeve.capabilities.automations.model.outcome import Unfit
from hostreeve.capabilities.automations.model.references import Absent, written

_ABSENT = object()


def is_true(condition: Mapping[str, Any], knowledge: Knowledge) -> bool:
    """Whether it holds. What has no value equals nothing. Unfit for values that cannot be compared."""
    if "And" in condition:
        return all(is_true(each, knowledge) for each in _listed(condition["And"]))
    if "Or" in condition:
        return any(is_true(each, knowledge) for each in _listed(condition["Or"]))
    if "Not" in condition:
        return not any(is_true(each, knowledge) for each in _listed(condition["Not"]))
    operator = next(name for name in condition if name != "Variable")
    value = _filled(condition["Variable"], knowledge)
    wanted = _filled(condition[operator], knowledge)
    if value is _ABSENT or wanted is _ABSENT:
        return False
    return _OPERATORS[operator](value, wanted)


def _listed(conditions: Any) -> list[Mapping[str, Any]]:
    return conditions if isinstance(conditions, list) else [conditions]


def _filled(value: Any, knowledge: Knowledge) -> Any:
    try:
        filled = knowledge.fill(value)
    except Absent:
        return _ABSENT
    return filled[0] if isinstance(filled, list) and len(filled) == 1 else filled


def _number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise Unfit(f"{written(value)[:80]} cannot be compared as a number.") from None


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Unfit(f"{written(value)[:80]} cannot be compared as a Boolean.")


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, wanted: written(value) == written(wanted),
    "EqualsIgnoreCase": lambda value, wanted: written(value).lower() == written(wanted).lower(),
    "StartsWith": lambda value, wanted: written(value).startswith(written(wanted)),
    "EndsWith": lambda value, wanted: written(value).endswith(written(wanted)),
    "Contains": lambda value, wanted: (
        written(wanted) in (value if isinstance(value, list) else written(value))
    ),
    "NumericEquals": lambda value, wanted: _number(value) == _number(wanted),
    "NumericGreater": lambda value, wanted: _number(value) > _number(wanted),
    "NumericLesser": lambda value, wanted: _number(value) < _number(wanted),
    "NumericGreaterOrEquals": lambda value, wanted: _number(value) >= _number(wanted),
    "NumericLesserOrEquals": lambda value, wanted: _number(value) <= _number(wanted),
    "BooleanEquals": lambda value, wanted: _truth(value) is _truth(wanted),
}
