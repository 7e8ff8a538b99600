"""Pseudo-parameters: `{{WINDOW_ID}}` and the like, replaced before anything else sees them."""

import re
from collections.abc import Mapping
from typing import Any

NAMES = (
    "WINDOW_ID",
    "WINDOW_TASK_ID",
    "WINDOW_TARGET_ID",
    "WINDOW_EXECUTION_ID",
    "TASK_EXECUTION_ID",
    "INVOCATION_ID",
    "TARGET_TYPE",
    "TARGET_ID",
    "RESOURCE_ID",
)
OF_ONE_RESOURCE = ("TARGET_ID", "RESOURCE_ID")
"""A command runs on many nodes at once: AWS does not support these in RUN_COMMAND tasks."""

_WRITTEN = re.compile(rf"\{{\{{\s*({'|'.join(NAMES)})\s*\}}\}}")


def put_in(value: Any, known: Mapping[str, str]) -> Any:
    """A copy with every pseudo-parameter in every text replaced; one that is not known becomes empty.

    What was put in is not looked at again. Other `{{…}}` stay: they are Parameter Store's, or a runbook's.
    """
    if isinstance(value, str):
        return _WRITTEN.sub(lambda found: known.get(found[1], ""), value)
    if isinstance(value, list):
        return [put_in(item, known) for item in value]
    if isinstance(value, dict):
        return {name: put_in(item, known) for name, item in value.items()}
    return value


def named_in(value: Any) -> set[str]:
    """The pseudo-parameters that a value uses."""
    if isinstance(value, str):
        return set(_WRITTEN.findall(value))
    if isinstance(value, dict):
        value = list(value.values())
    return {name for item in value for name in named_in(item)} if isinstance(value, list) else set()
