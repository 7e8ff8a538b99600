"""Conditions that lists of executions and of steps are narrowed by."""

from collections.abc import Mapping, Sequence
from typing import Any

Condition = tuple[str, Mapping[str, Any]]

EVERYTHING: Condition = ("1 = 1", {})
NOTHING: Condition = ("1 = 0", {})


def among(column: str, values: Sequence[Any]) -> Condition:
    return f"{column} IN :{column}_among", {f"{column}_among": list(values)}


def prefixed(column: str, values: Sequence[str]) -> Condition:
    """Begins with one of the values. The name of a shared document is its ARN."""
    parts: list[str] = []
    given: dict[str, Any] = {}
    for place, value in enumerate(values):
        parts.append(
            f"(SUBSTR({column}, 1, :{column}_size{place}) = :{column}_{place}"
            f" OR {column} LIKE :{column}_arn{place} ESCAPE '!')"
        )
        escaped = value.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        given[f"{column}_size{place}"] = len(value)
        given[f"{column}_{place}"] = value
        given[f"{column}_arn{place}"] = f"arn:%/{escaped}%"
    return f"({' OR '.join(parts)})", given


def started(is_before: bool, at_ms: int) -> Condition:
    name = "before" if is_before else "since"
    return f"started_ms {'<=' if is_before else '>='} :started_{name}", {f"started_{name}": at_ms}


def tagged(keys: Sequence[str]) -> Condition:
    """Executions that carry one of the tags."""
    return (
        "EXISTS (SELECT 1 FROM resource_tags t WHERE t.account = automation_executions.account"
        " AND t.region = automation_executions.region AND t.tag_key IN :tag_keys"
        " AND t.arn LIKE '%:automation-execution/' || automation_executions.execution_id)",
        {"tag_keys": list(keys)},
    )
