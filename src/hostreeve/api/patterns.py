"""An allowedPattern of a parameter, matched in time that no pattern can blow up.

Python's own matcher backtracks: `(a+)+$` against thirty letters would hold the server's single writer for
minutes. So the pattern is parsed by Python and then run as a set of states: cost is pattern x text, no worse.
"""

import re
from functools import lru_cache
from re import _constants as word  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

STATES_MAX = 5_000
STEPS_MAX = 1_000_000
"""States looked at in one match: about 150 ms, during which nobody else writes."""


class Pattern:
    """A pattern that must match the whole text, as AWS asks. ValueError when it is wrong or not supported."""

    def __init__(self, text: str) -> None:
        self._program = _compiled(text)

    def matches(self, text: str) -> bool:
        """ValueError when text and pattern together are too much work."""
        return self._program.matches(text)


@lru_cache(maxsize=256)
def _compiled(text: str) -> "_Program":
    _refuse_sets_in_sets(text)
    try:
        tree = parser.parse(text)
    except (re.error, OverflowError, RecursionError) as wrong:
        raise ValueError(f"not a regular expression: {wrong}") from None
    if tree.state.flags & (re.MULTILINE | re.VERBOSE):
        raise ValueError("the flags (?m) and (?x) are not supported")
    return _Program(tree)


def _refuse_sets_in_sets(text: str) -> None:
    """Java joins `[a[bc]]` and cuts `[a-f&&[^c]]`; Python reads both as other sets. ValueError."""
    opened, position = -1, 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 1
        elif opened < 0:
            opened = position if char == "[" else -1
        elif char == "[" or text.startswith("&&", position):
            raise ValueError("sets inside sets, and what they have in common (&&), are not supported")
        elif char == "]" and text[opened + 1 : position] not in ("", "^"):
            opened = -1
        position += 1


class _Program:
    """States numbered from 0; a state either consumes a character that `tests[state]` accepts, or is free."""

    def __init__(self, tree: Any) -> None:
        self.tests: list[re.Pattern[str] | None] = []
        self.at: list[str | None] = []
        self.next: list[list[int]] = []
        # As in Java, digits, words, spaces and letters of either case are ASCII's.
        flags = tree.state.flags & (re.IGNORECASE | re.DOTALL) | re.ASCII
        self._flags = flags
        self.start = self._state()
        self.end = self._sequence(tree, self.start)

    def matches(self, text: str) -> bool:
        now = self._reach([self.start], 0, text)
        steps = 0
        for position, char in enumerate(text):
            ahead = [
                n for s in now if (t := self.tests[s]) is not None and t.fullmatch(char) for n in self.next[s]
            ]
            if not ahead:
                return False
            now = self._reach(ahead, position + 1, text)
            steps += len(now) + len(ahead)
            if steps > STEPS_MAX:
                raise ValueError("the text is too long for this pattern")
        return self.end in now

    def _reach(self, states: list[int], position: int, text: str) -> set[int]:
        """All states that can be reached from these without consuming anything."""
        found: set[int] = set()
        heap = list(states)
        while heap:
            state = heap.pop()
            if state in found:
                continue
            where = self.at[state]
            if where == "start" and position != 0:
                continue
            if where == "end" and position != len(text):
                continue
            found.add(state)
            if self.tests[state] is None:
                heap.extend(self.next[state])
        return found

    def _state(self, test: str | None = None, at: str | None = None) -> int:
        if len(self.next) >= STATES_MAX:
            raise ValueError("the pattern is too large")
        self.tests.append(None if test is None else re.compile(test, self._flags | re.DOTALL))
        self.at.append(at)
        self.next.append([])
        return len(self.next) - 1

    def _sequence(self, items: Any, start: int) -> int:
        for operator, argument in items:
            start = self._item(operator, argument, start)
        return start

    def _item(self, operator: Any, argument: Any, start: int) -> int:
        """Add one item behind `start`; the state behind it."""
        if operator is word.SUBPATTERN:
            if argument[1] or argument[2]:
                raise ValueError("flags inside a group are not supported")
            return self._sequence(argument[3], start)
        if operator is word.BRANCH:
            end = self._state()
            for branch in argument[1]:
                self.next[self._sequence(branch, self._behind(start))].append(end)
            return end
        if operator in (word.MAX_REPEAT, word.MIN_REPEAT):
            return self._repeat(argument, start)
        if operator is word.AT:
            return self._anchor(argument, start)
        state = self._state(_one(operator, argument, self._flags))
        self.next[start].append(state)
        end = self._state()
        self.next[state].append(end)
        return end

    def _behind(self, start: int) -> int:
        state = self._state()
        self.next[start].append(state)
        return state

    def _repeat(self, argument: Any, start: int) -> int:
        least, most, inner = argument
        for _ in range(least):
            start = self._sequence(inner, self._behind(start))
        if most is word.MAXREPEAT:
            loop = self._behind(start)
            self.next[self._sequence(inner, self._behind(loop))].append(loop)
            return self._behind(loop)
        exits = [start]
        for _ in range(most - least):
            start = self._sequence(inner, self._behind(start))
            exits.append(start)
        end = self._state()
        for state in exits:
            self.next[state].append(end)
        return end

    def _anchor(self, argument: Any, start: int) -> int:
        if argument in (word.AT_BEGINNING, word.AT_BEGINNING_STRING):
            state = self._state(at="start")
        elif argument in (word.AT_END, word.AT_END_STRING):
            state = self._state(at="end")
        else:
            raise ValueError("word boundaries are not supported")
        self.next[start].append(state)
        return state


_CLASSES = {
    word.CATEGORY_DIGIT: r"\d",
    word.CATEGORY_NOT_DIGIT: r"\D",
    word.CATEGORY_SPACE: r"\s",
    word.CATEGORY_NOT_SPACE: r"\S",
    word.CATEGORY_WORD: r"\w",
    word.CATEGORY_NOT_WORD: r"\W",
}


def _one(operator: Any, argument: Any, flags: int) -> str:
    """A pattern of exactly one character, for Python's matcher."""
    if operator is word.LITERAL:
        return re.escape(chr(argument))
    if operator is word.NOT_LITERAL:
        return f"[^{_escaped(argument)}]"
    if operator is word.ANY:
        return "." if flags & re.DOTALL else r"[^\n\r\u0085\u2028\u2029]"
    if operator is word.IN:
        negated = argument and argument[0][0] is word.NEGATE
        members = "".join(_member(*item) for item in argument[1 if negated else 0 :])
        return f"[{'^' if negated else ''}{members}]"
    raise ValueError("look-around, back references and atomic groups are not supported")


def _member(operator: Any, argument: Any) -> str:
    if operator is word.LITERAL:
        return _escaped(argument)
    if operator is word.RANGE:
        return f"{_escaped(argument[0])}-{_escaped(argument[1])}"
    return _CLASSES[argument]


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"
