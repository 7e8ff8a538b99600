"""A document as somebody wrote it in a file, before any server has seen it: its problem, and where."""

import re
from typing import Any, NamedTuple

import yaml

from hostreeve.capabilities.documents.model import schemas
from hostreeve.capabilities.documents.model.content import Refused, parsed

_STEP_INTO = re.compile(r"\.?([A-Za-z][\w\-]*)|\[(\d+)\]")
_AT_LINE = re.compile(r"at line (\d+)")


class Problem(NamedTuple):
    """Why a document would be refused. `line` counts from 1 and is 0 where no line can be named."""

    line: int
    reason: str


def read(text: str, document_type: str) -> Any | Problem:
    """The content that `text` (JSON or YAML) stands for, or the first problem that it has.

    The checks are those of CreateDocument, without what only an account knows (names taken, parameters in
    Parameter Store, quotas).
    """
    format_ = "JSON" if text.lstrip()[:1] in ("{", "[") else "YAML"
    try:
        content = parsed(text, format_)
    except Refused as refused:
        known = _AT_LINE.search(str(refused))
        return Problem(int(known[1]) if known else 0, str(refused))
    try:
        schemas.check(document_type, format_, content)
    except Refused as refused:
        return Problem(_line(text, str(refused)), str(refused))
    return content


def _line(text: str, reason: str) -> int:
    """The line of the innermost thing that the place (`mainSteps[2].inputs: …`) names and there is."""
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return 0
    line, at = (node.start_mark.line + 1 if node is not None else 0), 0
    while node is not None and (step := _STEP_INTO.match(reason, at)):
        entered = _entered(node, step[1], step[2])
        if entered is None:
            break
        line, node = entered
        at = step.end()
    return line


def _entered(node: yaml.Node, name: str | None, number: str | None) -> tuple[int, yaml.Node] | None:
    if number is not None:
        if isinstance(node, yaml.SequenceNode) and int(number) < len(node.value):
            inner = node.value[int(number)]
            return inner.start_mark.line + 1, inner
        return None
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line + 1, value
    return None
