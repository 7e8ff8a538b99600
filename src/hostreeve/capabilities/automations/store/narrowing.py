"""Conditions that lists of executions and of steps are narrowed by."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.kernel.scope import PARTITION

Condition = tuple[str, Mapping[str, Any]]

NOTHING: Condition = ("1 = 0", {})
HAS_PARENT: Condition = ("parent_id <> ''", {})
"""What the index of children is for: no other execution is looked at."""


def among(column: str, values: Sequence[Any]) -> Condition:
    return f"{column} IN :{column}_among", {f"{column}_among": list(values)}


def prefixed(column: str, values: Sequence[str]) -> Condition:
    """Begins with one of the values. The name of a shared document is its ARN."""
    parts: list[str] = []
    given: dict[str, Any] = {}
    for place, value in enumerate(values):
        escaped = value.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        for name, form in (("own", f"{escaped}%"), ("arn", f"arn:%/{escaped}%")):
            parts.append(f"{column} LIKE :{column}_{name}{place} ESCAPE '!'")
            given[f"{column}_{name}{place}"] = form
    return f"({' OR '.join(parts)})", given


def started(is_before: bool, at_ms: int) -> Condition:
    name = "before" if is_before else "since"
    return f"started_ms {'<=' if is_before else '>='} :started_{name}", {f"started_{name}": at_ms}


def tagged(keys: Sequence[str]) -> Condition:
    """Executions that carry one of the tags."""
    return (
        "EXISTS (SELECT 1 FROM resource_tags t WHERE t.account = automation_executions.account"
        " AND t.region = automation_executions.region AND t.tag_key IN :tag_keys"
        " AND t.arn = 'arn:' || :tag_partition || ':ssm:' || automation_executions.region || ':'"
        " || automation_executions.account || ':automation-execution/'"
        " || automation_executions.execution_id)",
        {"tag_keys": list(keys), "tag_partition": PARTITION},
    )
