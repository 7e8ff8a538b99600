"""Steps as a node will see them: `{{ name }}` filled in by the rules that agents follow."""

import json
import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"\{\{\s*([^\s{}:]+)\s*\}\}")
_POWER_SHELL = "aws:runPowerShellScript"


def rendered(content: Mapping[str, Any], values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every step in order: Name, Action, Inputs and Precondition (JSON texts; the latter "" when none)."""
    declared = content.get("parameters") or {}
    return [
        {
            "Name": name,
            "Action": action,
            "Inputs": _json(_filled(settings, _seen_by(action, declared, values))),
            "Precondition": _json(precondition) if precondition else "",
        }
        for name, action, settings, precondition in _steps(content)
    ]


def _steps(content: Mapping[str, Any]) -> list[tuple[str, str, Any, Any]]:
    if content.get("schemaVersion") == "1.2":
        config = content["runtimeConfig"]
        return [(plugin, plugin, settings.get("properties"), None) for plugin, settings in config.items()]
    return [
        (step["name"], step["action"], step.get("inputs") or {}, step.get("precondition"))
        for step in content["mainSteps"]
    ]


def _seen_by(action: str, declared: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by name; what reaches scripts as an environment variable is that variable's name."""
    mark = "${env:SSM_%s}" if action == _POWER_SHELL else "${SSM_%s}"
    variables = {
        name: mark % name
        for name, declaration in declared.items()
        if isinstance(declaration, dict) and declaration.get("interpolationType") == "ENV_VAR"
    }
    return {**values, **variables}


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if isinstance(value, dict):
        return {name: _filled(each, values) for name, each in value.items()}
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole and whole[1] in values:
        # The one reference that keeps the value's type: a list stays a list.
        return values[whole[1]]
    return _REFERENCE.sub(lambda match: _text(values[match[1]]) if match[1] in values else match[0], value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
