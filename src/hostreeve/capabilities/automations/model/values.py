"""Values of parameters, variables and outputs: their types, and how they travel as lists of texts."""

from collections.abc import Mapping
from typing import Any

from hostreeve.capabilities.automations.model.references import written

LIST_ITEMS_MAX = 50
MAPS_MAX = 200
TEXT_CHARS_MAX = 512
OUTPUT_CHARS_MAX = 200_000
"""The end of what one output keeps."""


class WrongType(ValueError):
    """A value that is not of the type that was asked for; the text says so."""


def listed(value: Any) -> list[str]:
    """A value as AutomationParameterMap has it: a list of texts."""
    if value is None:
        return []
    if isinstance(value, list):
        return [written(item) for item in value]
    return [written(value)]


def all_listed(values: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: listed(value) for name, value in values.items()}


def fits(type_: str, value: Any) -> bool:
    """Whether a value is of a type, without any conversion."""
    if type_ == "String":
        return isinstance(value, str)
    if type_ == "Boolean":
        return isinstance(value, bool)
    if type_ == "Integer":
        return type(value) is int
    if type_ == "StringMap":
        return isinstance(value, dict)
    if type_ == "MapList":
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    if type_ == "StringList" or type_.startswith("List<"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)


def output(name: str, type_: str, value: Any) -> Any:
    """An output's value, which must be of its type. WrongType: nothing is turned into what it is not."""
    if type_ == "Integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not fits(type_, value):
        raise WrongType(f"The output {name} is {_kind(value)}, not a {type_}.")
    if len(written(value)) > OUTPUT_CHARS_MAX:
        raise WrongType(f"The output {name} is longer than {OUTPUT_CHARS_MAX} characters.")
    return value


def check_variable(name: str, type_: str, value: Any) -> None:
    """What a variable takes: exactly its type, within AWS's bounds. WrongType."""
    if not fits(type_, value):
        raise WrongType(f"The variable {name} is a {type_}, and the value is {_kind(value)}.")
    if isinstance(value, str) and not 1 <= len(value) <= TEXT_CHARS_MAX:
        raise WrongType(f"The variable {name} takes 1 to {TEXT_CHARS_MAX} characters.")
    most = MAPS_MAX if type_ == "MapList" else LIST_ITEMS_MAX
    if isinstance(value, list) and len(value) > most:
        raise WrongType(f"The variable {name} takes at most {most} items.")


def joined(values: Mapping[str, Any]) -> str:
    """The values of a target map, in one line."""
    return written({name: value for name, value in values.items()})


def _kind(value: Any) -> str:
    names = {bool: "a Boolean", int: "an Integer", str: "a String", list: "a list", dict: "a StringMap"}
    return names.get(type(value), "a number" if isinstance(value, float) else "nothing")
