"""Parameters of a document: which values hold, and their substitution into whatever a step is given. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Match

_OVERRIDABLE = re.compile(r"[A-Za-z0-9]+\Z").match
_REFERENCE = re.compile(r"\{\{\s*([^\s{}:]+)\s*\}\}")
_DEPTH_MAX = 100


class InvalidParameters(ValueError):
    """A supplied value that the document does not allow."""


def effective(declared: Any, supplied: Any) -> Dict[str, Any]:
    """Supplied values over defaults. As on the official agent, only plain names count: `a_b` is dropped."""
    declared = declared if isinstance(declared, dict) else {}
    supplied = supplied if isinstance(supplied, dict) else {}
    values: Dict[str, Any] = {}
    for name, declaration in declared.items():
        if isinstance(declaration, dict):
            values[name] = declaration.get("default")
    values.update({name: value for name, value in supplied.items() if _OVERRIDABLE(name)})
    _check_patterns(declared, values)
    # A declared parameter with neither value nor default leaves its references as they are.
    return {name: value for name, value in values.items() if value is not None}


def substituted(value: Any, parameters: Dict[str, Any], depth: int = 0) -> Any:
    """`value` with every `{{ name }}` replaced, throughout lists and maps; unknown names stay as they are."""
    if depth > _DEPTH_MAX:
        raise InvalidParameters(f"the document is nested more than {_DEPTH_MAX} levels deep")
    if isinstance(value, str):
        return _in_text(value, parameters)
    if isinstance(value, list):
        return [substituted(each, parameters, depth + 1) for each in value]
    if isinstance(value, dict):
        return {name: substituted(each, parameters, depth + 1) for name, each in value.items()}
    return value


def _in_text(text: str, parameters: Dict[str, Any]) -> Any:
    if "{{" not in text:
        return text
    whole = _REFERENCE.fullmatch(text)
    if whole and whole.group(1) in parameters and _OVERRIDABLE(whole.group(1)):
        # The one reference that keeps the value's type: a list stays a list.
        return parameters[whole.group(1)]

    def replaced(reference: Match[str]) -> str:
        if reference.group(1) not in parameters:
            return reference.group(0)
        value = parameters[reference.group(1)]
        textual = (
            value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        )
        # The official agent's substitution reads a doubled dollar sign as one.
        return textual.replace("$$", "$")

    return _REFERENCE.sub(replaced, text)


def _check_patterns(declared: Dict[str, Any], values: Dict[str, Any]) -> None:
    for name, declaration in declared.items():
        pattern = declaration.get("allowedPattern") if isinstance(declaration, dict) else None
        value = values.get(name)
        if not isinstance(pattern, str) or not pattern or value is None:
            continue
        try:
            is_allowed = re.compile(pattern).search
        except re.error:
            # Patterns are written for Java and Go; the server has already checked the value against this one.
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and not is_allowed(each):
                raise InvalidParameters(f"Parameter {name} does not match its allowed pattern {pattern}")
