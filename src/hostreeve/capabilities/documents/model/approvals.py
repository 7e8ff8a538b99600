"""The content of approval policies for node access: Cedar statements, or who approves by hand."""

import re
from typing import Any

from hostreeve.capabilities.documents.model import places
from hostreeve.capabilities.documents.model.content import Refused

STATEMENTS_MAX = 1000
HOURS_MAX = 336
LEVELS_MAX = 5
APPROVERS_MAX = 5
_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*+")|(?P<word>[A-Za-z_]\w*)|(?P<other>\d+|::|[=!<>]=|&&|\|\||\S)""",
    re.VERBOSE,
)
_CLOSES = {")": "(", "}": "{", "]": "["}
_EFFECTS = ("permit", "forbid")
_SCOPE = ("principal", "action", "resource")


def check_automatic(text: str) -> None:
    """Refuse what are not Cedar statements: effect, scope, conditions, semicolon. Names the line."""
    tokens = _tokens(text)
    if not tokens:
        raise Refused("an approval policy has at least one statement")
    position = statements = 0
    while position < len(tokens):
        position = _statement(tokens, position)
        statements += 1
        if statements > STATEMENTS_MAX:
            raise Refused(f"more than {STATEMENTS_MAX} statements")


def check_manual(content: dict[str, Any]) -> None:
    """Refuse bounds that AWS documents. Members' names are not documented: others stay as they are."""
    hours = content.get("accessDuration")
    if hours is not None:
        places.a_number("accessDuration", hours, 1, HOURS_MAX)
    levels = content.get("approvers")
    if levels is not None:
        for number, level in enumerate(places.a_list("approvers", levels, most=LEVELS_MAX)):
            listed = level if isinstance(level, list) else [level]
            places.a_list(f"approvers[{number}]", listed, most=APPROVERS_MAX)


def _tokens(text: str) -> list[tuple[str, int]]:
    """Words, texts and signs, each with its line; brackets are balanced."""
    found: list[tuple[str, int]] = []
    open_: list[str] = []
    line = 1
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None, "every character is a token at least by itself"
        token = match[0]
        if match.lastgroup != "skip":
            if token == '"':
                raise Refused(f"line {line}: a text has no end")
            if token in _CLOSES and (not open_ or open_.pop() != _CLOSES[token]):
                raise Refused(f"line {line}: {token} closes nothing")
            if token in _CLOSES.values():
                open_.append(token)
            found.append((token, line))
        line += token.count("\n")
        position = match.end()
    if open_:
        raise Refused(f"line {line}: {open_[-1]} is never closed")
    return found


def _statement(tokens: list[tuple[str, int]], position: int) -> int:
    position = _annotations(tokens, position)
    word, line = tokens[min(position, len(tokens) - 1)]
    if word not in _EFFECTS:
        raise Refused(f"line {line}: a statement begins with permit or forbid, not {word[:40]!r}")
    position, scope = _group(tokens, position + 1, "(", line)
    # `principal in […]`, `action == …`: the parts of the scope begin with these words, in this order.
    if [word for word in scope if word in _SCOPE] != list(_SCOPE):
        raise Refused(f"line {line}: the scope must be (principal …, action …, resource …)")
    while position < len(tokens) and tokens[position][0] in ("when", "unless"):
        position, condition = _group(tokens, position + 1, "{", line)
        if not condition:
            raise Refused(f"line {line}: a condition is empty")
    if position >= len(tokens) or tokens[position][0] != ";":
        raise Refused(f"line {line}: the statement does not end with a semicolon")
    return position + 1


def _annotations(tokens: list[tuple[str, int]], position: int) -> int:
    while position < len(tokens) and tokens[position][0] == "@":
        position, _ = _group(tokens, position + 2, "(", tokens[position][1])
    return position


def _group(tokens: list[tuple[str, int]], position: int, opening: str, line: int) -> tuple[int, list[str]]:
    """What stands inside a bracket, and the position behind it. Brackets are known to be balanced."""
    if position >= len(tokens) or tokens[position][0] != opening:
        raise Refused(f"line {line}: {opening} is missing")
    depth = 0
    inside: list[str] = []
    while True:
        token = tokens[position][0]
        depth += (token in _CLOSES.values()) - (token in _CLOSES)
        position += 1
        if depth == 0:
            return position, inside[1:]
        inside.append(token)
