"""Tag policies: what one may say, and what several on the way to an account say together."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

ASSIGN, APPEND, REMOVE = "@@assign", "@@append", "@@remove"
ALLOWED = "@@operators_allowed_for_child_policies"
OPERATORS = (ASSIGN, APPEND, REMOVE)
ENFORCED = "enforced_for"
_CHOICES = (*OPERATORS, "@@all", "@@none")
_TEXTS = {"tag_key": str, "tag_value": list, ENFORCED: list}
"""The settings of a tag, and what each is: one text, or several."""

_KIND = re.compile(r"[a-z0-9-]+:(\*|ALL_SUPPORTED|[A-Za-z][\w/.-]*)")
_NOT_ENFORCED = ("iam:user", "iam:role", "organizations:")
"""Nor does AWS enforce anything there; what it says of all of iam is about the others."""


def check_tag_policy(content: str) -> None:
    """ValueError says what is wrong with it."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"It is not JSON: {error}.") from None
    if not isinstance(document, dict) or set(document) != {"tags"} or not isinstance(document["tags"], dict):
        raise ValueError("A tag policy is an object with the one member tags.")
    _check_allowed(document["tags"], "tags")
    for name, tag in _named(document["tags"]):
        _check_tag(f"tags.{name}", tag)


def _check_tag(place: str, tag: Any) -> None:
    if not isinstance(tag, dict):
        raise ValueError(f"{place} must be an object.")
    _check_allowed(tag, place)
    for setting, said in _named(tag):
        if setting not in _TEXTS:
            raise ValueError(f"{place}.{setting} is no setting of a tag; there are {', '.join(_TEXTS)}.")
        _check_said(f"{place}.{setting}", said, _TEXTS[setting])
        for kind in _texts(said) if setting == ENFORCED else ():
            _check_kind(f"{place}.{ENFORCED}", kind)
    _check_key(place, tag)


def _check_said(place: str, said: Any, kind: type) -> None:
    if not isinstance(said, dict) or not said:
        raise ValueError(f"{place} must be an object of operators.")
    _check_allowed(said, place)
    for operator, value in _named(said, operators=True):
        if operator not in OPERATORS or (kind is str and operator != ASSIGN):
            raise ValueError(f"{place} knows no operator {operator}.")
        texts = [value] if kind is str else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{place}.{operator} must be {'a text' if kind is str else 'a list of texts'}.")


def _check_key(place: str, tag: Mapping[str, Any]) -> None:
    """How a key is written is only a matter of its capitals."""
    key = tag.get("tag_key", {}).get(ASSIGN)
    if key is not None and key.lower() != place.partition(".")[2].lower():
        raise ValueError(f"{place}.tag_key must be the same text as {place}, but for its capitals.")


def _check_kind(place: str, kind: str) -> None:
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{place}: {kind[:100]} is no service:type, such as ec2:instance or ssm:*.")
    if kind.startswith(_NOT_ENFORCED):
        raise ValueError(f"{place}: tags of {kind[:100]} are not enforced.")


def _texts(said: Mapping[str, Any]) -> list[str]:
    return [text for operator, value in _named(said, operators=True) for text in value]


def _check_allowed(given: Mapping[str, Any], place: str) -> None:
    choices = given.get(ALLOWED, [])
    if not isinstance(choices, list) or not all(choice in _CHOICES for choice in choices):
        raise ValueError(f"{place}.{ALLOWED} must be a list of {', '.join(_CHOICES)}.")


def _named(given: Mapping[str, Any], *, operators: bool = False) -> list[tuple[str, Any]]:
    return [(k, v) for k, v in given.items() if k != ALLOWED and (operators or not k.startswith("@@"))]


def merged(levels: Iterable[Iterable[str]]) -> str:
    """The effective policy of tag policies, level by level from the root down to the account."""
    tags: dict[str, _Tag] = {}
    allowed = _EVERYTHING
    for level in levels:
        below = allowed
        for content in level:
            given = json.loads(content)["tags"]
            for name, tag in _named(given):
                tags.setdefault(name.lower(), _Tag(name)).hear(tag, allowed)
            below = below & _allowed(given, allowed)
        for tag_ in tags.values():
            tag_.settle()
        allowed = below
    return json.dumps({"tags": {tag.name: tag.shown() for tag in tags.values() if tag.shown()}})


_EVERYTHING = frozenset(OPERATORS)


def _allowed(given: Mapping[str, Any], before: frozenset[str]) -> frozenset[str]:
    """What policies further down may do: never more than this one may itself."""
    choices = given.get(ALLOWED)
    if choices is None or "@@all" in choices:
        return before
    return before & frozenset(choices)


class _Tag:
    """One tag on the way down: what holds, and what policies of the next level may change."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._values: dict[str, Any] = {}
        self._allowed: dict[str, frozenset[str]] = {}
        self._next: dict[str, frozenset[str]] = {}

    def hear(self, tag: Mapping[str, Any], outer: frozenset[str]) -> None:
        of_tag = _allowed(tag, outer)
        for setting, said in _named(tag):
            may = self._allowed.get(setting, _EVERYTHING) & outer
            for operator in OPERATORS:
                if operator in said and operator in may:
                    self._do(setting, operator, said[operator])
            self._next[setting] = self._next.get(setting, may) & _allowed(said, of_tag)

    def settle(self) -> None:
        """The level is over: what it allows holds for the next."""
        self._allowed |= self._next

    def shown(self) -> dict[str, Any]:
        return {setting: value for setting, value in self._values.items() if value}

    def _do(self, setting: str, operator: str, value: Any) -> None:
        if operator == ASSIGN:
            self._values[setting] = value if isinstance(value, str) else list(dict.fromkeys(value))
            return
        before = self._values.get(setting, [])
        if operator == APPEND:
            self._values[setting] = list(dict.fromkeys([*before, *value]))
        else:
            self._values[setting] = [text for text in before if text not in value]
