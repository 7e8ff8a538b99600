"""Parameters of a document: which values hold, and their substitution into whatever a step is given. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Match, Optional

_OVERRIDABLE = re.compile(r"[A-Za-z0-9]+\Z").match
_REFERENCE = re.compile(r"\{\{\s*([^\s{}:]+)\s*\}\}")
_DEPTH_MAX = 100
ENV_VAR = "ENV_VAR"


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


def variables(declared: Any, values: Dict[str, Any]) -> Dict[str, str]:
    """The values that are passed to scripts as environment variables (interpolationType ENV_VAR), by name."""
    found: Dict[str, str] = {}
    for name, declaration in declared.items() if isinstance(declared, dict) else ():
        if not isinstance(declaration, dict) or declaration.get("interpolationType") != ENV_VAR:
            continue
        if declaration.get("type", "String") not in ("String", "StringList"):
            raise InvalidParameters(f"Parameter {name}: interpolationType {ENV_VAR} is for texts only")
        if name in values:
            found[name] = _textual(values[name])
            if "\0" in found[name]:
                raise InvalidParameters(
                    f"Parameter {name}: an environment variable cannot hold a NUL character"
                )
    return found


def check_constraints(declared: Any, supplied: Dict[str, Any]) -> None:
    """What the server checks before a command, for documents that only the node has seen."""
    declared = declared if isinstance(declared, dict) else {}
    for name, value in supplied.items():
        declaration = declared.get(name)
        if not isinstance(declaration, dict):
            raise InvalidParameters(f"Parameter {name} is not one of the document's")
        allowed = declaration.get("allowedValues")
        for each in value if isinstance(value, list) else [value]:
            if isinstance(allowed, list) and allowed and each not in allowed:
                raise InvalidParameters(f"Parameter {name} must be one of {allowed}")
        _check_length(name, declaration, "Chars", len(value) if isinstance(value, str) else None)
        _check_length(name, declaration, "Items", len(value) if isinstance(value, list) else None)
    for name, declaration in declared.items():
        if isinstance(declaration, dict) and declaration.get("default") is None and name not in supplied:
            raise InvalidParameters(f"Parameter {name} has no default and was not given")


def _check_length(name: str, declaration: Dict[str, Any], unit: str, length: Optional[int]) -> None:
    least, most = declaration.get(f"min{unit}"), declaration.get(f"max{unit}")
    if length is None:
        return
    if isinstance(least, int) and length < least:
        raise InvalidParameters(f"Parameter {name} must have at least {least} {unit.lower()}")
    if isinstance(most, int) and length > most:
        raise InvalidParameters(f"Parameter {name} may have at most {most} {unit.lower()}")


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
        # The official agent's substitution reads a doubled dollar sign as one.
        return _textual(parameters[reference.group(1)]).replace("$$", "$")

    return _REFERENCE.sub(replaced, text)


def _textual(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


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
