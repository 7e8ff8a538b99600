"""Texts of a policy that are matched: literal pieces, the wildcards * and ?, and policy variables."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

Predicate = Callable[[str], object]
"""Whether a text is matched: the answer is true or not, and of any type, because a call costs."""

Context = Mapping[str, Sequence[str]]
"""The condition keys of a request, lower-case, each with its values."""

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_INSIDE = re.compile(r"\s*(?P<key>[^\s,']+)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")


class Wild(Enum):
    """What an unescaped wildcard stands for."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; the key is lower-case."""

    key: str
    default: str | None = None


Part = str | Wild | Variable
Parts = tuple[Part, ...]
Fixed = tuple[str | Wild, ...]
ANYTHING: Fixed = (Wild.MANY,)


def parts_of(text: str, *, variables: bool, wild: bool = True) -> Parts:
    """A policy's text in pieces. ValueError for a variable that cannot be one.

    `variables` is off in policies of version 2008-10-17, where `${…}` is ordinary text; `wild` is off for
    operators that compare literally.
    """
    found: list[Part] = []
    position = 0
    for match in _VARIABLE.finditer(text) if variables else ():
        found.extend(_plain(text[position : match.start()], wild))
        found.append(_variable(match[1]))
        position = match.end()
    found.extend(_plain(text[position:], wild))
    return _joined(found)


def filled(parts: Parts, context: Context) -> Fixed | None:
    """The pieces with the request's values in place of the variables. None when one has no single value.

    What a variable stands for is literal: a `*` in a user's name is no wildcard.
    """
    found: list[Part] = []
    for part in parts:
        if not isinstance(part, Variable):
            found.append(part)
            continue
        values = context.get(part.key, ())
        value = values[0] if len(values) == 1 else part.default
        if value is None:
            return None
        found.append(value)
    return fixed(_joined(found))


def has_variables(parts: Parts) -> bool:
    return any(isinstance(part, Variable) for part in parts)


def fixed(parts: Parts) -> Fixed:
    """The same pieces, known to hold no variable."""
    assert not has_variables(parts), "variables are filled in before"
    return parts  # type: ignore[return-value]


@lru_cache(maxsize=8192)
def predicate(parts: Fixed) -> Predicate:
    """Whether a text is matched as a whole. `*` also spans `/` and `:`."""
    return one_of([parts])


def one_of(patterns: Sequence[Fixed]) -> Predicate:
    """Whether a text is matched by any of the patterns, in one step."""
    if ANYTHING in patterns:
        return _anything
    if not any(isinstance(part, Wild) for parts in patterns for part in parts):
        return frozenset("".join(map(str, parts)) for parts in patterns).__contains__
    if all(len(parts) == 2 and isinstance(parts[0], str) and parts[1] is Wild.MANY for parts in patterns):
        prefixes = tuple(str(parts[0]) for parts in patterns)
        return lambda text: text.startswith(prefixes)
    return re.compile("|".join(map(_expression, patterns)), re.DOTALL).fullmatch


class OpenPattern:
    """A pattern with variables, compiled for each set of values that requests bring."""

    __slots__ = ("_compiled", "_parts", "_variables")

    _KEPT = 256

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._variables = tuple(part for part in parts if isinstance(part, Variable))
        self._compiled: dict[tuple[str, ...], Predicate] = {}

    def matches(self, text: str, context: Context) -> bool:
        values: list[str] = []
        for variable in self._variables:
            given = context.get(variable.key, ())
            value = given[0] if len(given) == 1 else variable.default
            if value is None:
                return False
            values.append(value)
        key = tuple(values)
        matches = self._compiled.get(key)
        if matches is None:
            now = filled(self._parts, context)
            assert now is not None, "every variable has a value"
            if len(self._compiled) >= self._KEPT:
                self._compiled.clear()
            matches = self._compiled[key] = one_of([now])
        return bool(matches(text))


def needle_of(patterns: Sequence[Parts]) -> str:
    """A text that stands in whatever one of the patterns matches: of a single pattern its longest piece, of
    several how all of them begin."""
    pieces = [[part for part in parts if isinstance(part, str)] for parts in patterns]
    if len(pieces) == 1:
        return max(pieces[0], key=len, default="")
    first = [parts[0] if parts and isinstance(parts[0], str) else "" for parts in patterns]
    shortest, longest = min(first), max(first)
    same = (place for place, letter in enumerate(shortest) if longest[place] != letter)
    return shortest[: next(same, len(shortest))]


def _anything(text: str) -> bool:
    return True


def _expression(parts: Fixed) -> str:
    """Each piece between two stars is taken where it first occurs, and that is never undone (an atomic
    group): a policy of many stars cannot make matching slow.
    """
    pieces = [""]
    for part in parts:
        if part is Wild.MANY:
            pieces.append("")
        else:
            pieces[-1] += "." if isinstance(part, Wild) else re.escape(part)
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1])
    return f"{pieces[0]}{middle}.*{pieces[-1]}"


def _plain(text: str, wild: bool) -> list[Part]:
    if not wild:
        return [text]
    return [Wild(piece) if piece in ("*", "?") else piece for piece in re.split(r"([*?])", text)]


def _variable(inside: str) -> Part:
    if inside in ("*", "?", "$"):
        return inside
    match = _INSIDE.fullmatch(inside)
    if match is None:
        raise ValueError(f"${{{inside}}} is not a policy variable")
    return Variable(match["key"].lower(), match["default"])


def _joined(parts: Sequence[Part]) -> Parts:
    """Neighbouring texts as one, empty ones gone, several stars as one."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if part == "" or (part is Wild.MANY and before is Wild.MANY):
            continue
        if isinstance(part, str) and isinstance(before, str):
            joined[-1] = before + part
        else:
            joined.append(part)
    return tuple(joined)
