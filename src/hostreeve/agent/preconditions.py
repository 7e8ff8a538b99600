"""A step's precondition (schema 2.2): StringEquals with two arguments, and all that is not that. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple

from hostreeve.agent.parameters import substituted

PLATFORM_TYPE = "platformType"


class Argument(NamedTuple):
    """As the document has it, and with its parameters filled in."""

    written: str
    resolved: str


class Problems(NamedTuple):
    """Not allowed: the step is skipped. Allowed, but with texts: not understood, the step fails."""

    is_allowed: bool
    texts: List[str]


def read(precondition: Any, parameters: Dict[str, Any]) -> Dict[str, List[Argument]]:
    """Operators and their arguments; what is malformed is left for `evaluate` to refuse."""
    if not isinstance(precondition, dict):
        return {} if precondition is None else {str(precondition): []}
    found: Dict[str, List[Argument]] = {}
    for operator, arguments in precondition.items():
        listed = arguments if isinstance(arguments, list) else []
        found[operator] = [
            Argument(
                str(each), _as_text(substituted(each, parameters)) if isinstance(each, str) else str(each)
            )
            for each in listed
        ]
    return found


def evaluate(precondition: Dict[str, List[Argument]], platform_type: str) -> Problems:
    """No precondition at all is allowed, without texts."""
    is_allowed = True
    texts: List[str] = []
    for operator, arguments in precondition.items():
        satisfied, text = _evaluate_one(operator, arguments, platform_type)
        is_allowed = is_allowed and satisfied
        if text:
            texts.append(text)
    return Problems(is_allowed, texts)


def _evaluate_one(operator: str, arguments: List[Argument], platform_type: str) -> "tuple[bool, str]":
    if operator != "StringEquals":
        return True, f'"{operator}": unrecognized operator'
    if len(arguments) != 2:
        return True, f'"{operator}": operator accepts exactly 2 arguments'
    first, second = arguments
    shown = f'"{operator}": [{first.written}, {second.written}]'
    if first.written == second.written:
        return True, f"\"{operator}\": operator's arguments can't be identical"
    for prefix, kind in (("ssm:", "SSM parameters"), ("ssm-secure:", "secure SSM parameters")):
        if any(_refers_to(prefix, each.written) for each in arguments):
            return True, f"\"{operator}\": operator's arguments can't contain {kind}"
    if PLATFORM_TYPE in (first.written, second.written):
        other = second if first.written == PLATFORM_TYPE else first
        if other.written.lower() != other.resolved.lower():
            problem = "the second argument for the platformType variable can't contain document parameters"
            return True, f'"{operator}": {problem}'
        return (True, "") if other.written.lower() == platform_type.lower() else (False, shown)
    if first.written == first.resolved and second.written == second.resolved:
        problem = "at least one of operator's arguments must contain a valid document parameter"
        return True, f'"{operator}": {problem}'
    return (True, "") if first.resolved == second.resolved else (False, shown)


def _refers_to(prefix: str, text: str) -> bool:
    return any(part.lstrip().startswith(prefix) for part in text.split("{{")[1:])


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, separators=(",", ":"))
