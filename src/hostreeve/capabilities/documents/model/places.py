"""Checks that every schema of documents is made of; each refusal names the place and the reason."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from hostreeve.capabilities.documents.model.content import Refused

REFERENCE = re.compile(r"\{\{\s*(?P<name>[^{}\s]+)\s*\}\}")
"""`{{ name }}`: a place that is filled in later."""


def an_object(place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(f"{place}: must be an object")
    return value


def a_list(place: str, value: Any, *, most: int, least: int = 1) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Refused(f"{place}: must be a list of {least} to {most}")
    return value


def a_text(place: str, value: Any, pattern: str = "") -> str:
    if not isinstance(value, str):
        raise Refused(f"{place}: must be a text")
    if pattern and not re.fullmatch(pattern, value):
        raise Refused(f"{place}: {value[:80]!r} is not of the form {pattern}")
    return value


def a_text_if_any(place: str, value: Any) -> None:
    if value is not None:
        a_text(place, value)


def one_of(place: str, value: Any, allowed: Collection[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Refused(f"{place}: must be one of {', '.join(sorted(allowed))}")
    return value


def a_flag(place: str, value: Any) -> None:
    """A boolean, its text, or a parameter that will be one."""
    if isinstance(value, bool) or (isinstance(value, str) and is_open(value)):
        return
    if not isinstance(value, str) or value.lower() not in ("true", "false"):
        raise Refused(f"{place}: must be true or false")


def a_number(place: str, value: Any, least: int, most: int) -> None:
    """A whole number within bounds, its text, or a parameter that will be one."""
    if isinstance(value, str) and is_open(value):
        return
    digits = value if isinstance(value, str) and len(value) < 20 else ""
    number = int(digits) if digits.isascii() and digits.isdigit() else value
    if type(number) is not int or not least <= number <= most:
        raise Refused(f"{place}: must be a whole number from {least} to {most}")


def known_members(place: str, value: Mapping[str, Any], allowed: Collection[str]) -> None:
    unknown = sorted(set(value) - set(allowed))
    if unknown:
        raise Refused(f"{place + '.' if place else ''}{unknown[0]}: is not a member here")


def required(place: str, value: Mapping[str, Any], names: Collection[str]) -> None:
    for name in names:
        if name not in value:
            raise Refused(f"{place + '.' if place else ''}{name}: is missing")


def is_open(text: str) -> bool:
    """Whether something is filled in later."""
    return REFERENCE.search(text) is not None
