"""What the filters of compliance mean: for the items of a node, and for the nodes that summaries count."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.compliance import store
from hostreeve.capabilities.compliance.model import (
    COMPLIANT,
    DETAILS,
    FACETS,
    NON_COMPLIANT,
    RESOURCE_TYPE,
    SEVERITIES,
    Item,
    Part,
    standings,
    zulu,
)
from hostreeve.capabilities.compliance.store import Choice
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

FILTERS_MAX = 10
INSTANCE_INFORMATION = "AWS:InstanceInformation."
_OPERATORS: dict[str, nodes.Operator] = {
    "EQUAL": "Equal",
    "NOT_EQUAL": "NotEqual",
    "BEGIN_WITH": "BeginWith",
    "LESS_THAN": "LessThan",
    "GREATER_THAN": "GreaterThan",
}
_COLUMNS = {
    "ComplianceType": "compliance_type",
    "ExecutionId": "execution_id",
    "ExecutionType": "execution_type",
    "InstanceId": "node_id",
    "ResourceId": "node_id",
}
_SEVERITY_KEYS = ("OverallSeverity", "Severity")
_ITEM_KEYS = (*_COLUMNS, *DETAILS, "ExecutionTime", "Id", "ResourceType", "Severity", "Status", "Title")
SUMMARY_KEYS = (
    *_COLUMNS,
    *FACETS,
    *_SEVERITY_KEYS,
    "ExecutionTime",
    "ResourceType",
    "Status",
    *(INSTANCE_INFORMATION + each for each in sorted(nodes.ATTRIBUTES)),
)


class Condition(msgspec.Struct, frozen=True):
    """A filter, read."""

    key: str
    operator: str
    values: tuple[str, ...]

    def holds(self, found: str) -> bool:
        """Of texts; severities are compared by how high they are."""
        if self.operator == "EQUAL":
            return found in self.values
        if self.operator == "NOT_EQUAL":
            return found not in self.values
        if self.operator == "BEGIN_WITH":
            return found.startswith(self.values)
        is_less = self.operator == "LESS_THAN"
        if self.key in _SEVERITY_KEYS:
            ranks = [_rank(value) for value in self.values]
            return any(_rank(found) < rank if is_less else _rank(found) > rank for rank in ranks)
        return any(found < value if is_less else found > value for value in self.values)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def read(filters: Sequence[Mapping[str, Any]], *, for_items: bool) -> list[Condition]:
    """InvalidFilter for what is no filter, or has no values."""
    known = _ITEM_KEYS if for_items else SUMMARY_KEYS
    if len(filters) > FILTERS_MAX:
        raise error.InvalidFilter(f"At most {FILTERS_MAX} filters go together.")
    conditions = []
    for each in filters:
        key, values = each.get("Key", ""), tuple(each.get("Values", ()))
        if key not in known:
            raise error.InvalidFilter(f"{key!r} is no filter here; there are {', '.join(sorted(known))}.")
        if not values:
            raise error.InvalidFilter(f"The filter {key} has no values.")
        if key in _SEVERITY_KEYS and not set(values) <= set(SEVERITIES):
            raise error.InvalidFilter(f"{key} is one of {', '.join(SEVERITIES)}.")
        conditions.append(Condition(key, each.get("Type", "EQUAL"), values))
    return conditions


def item_passes(conditions: Sequence[Condition], part: Part, item: Item) -> bool:
    return all(each.holds(_of_item(each.key, part, item)) for each in conditions)


def _of_item(key: str, part: Part, item: Item) -> str:
    if key in _COLUMNS:
        return str(getattr(part, _COLUMNS[key]))
    if key in DETAILS:
        return item.details.get(key, "")
    looked_up: dict[str, str] = {
        "ExecutionTime": zulu(part.execution_ms),
        "Id": item.id,
        "ResourceType": RESOURCE_TYPE,
        "Severity": item.severity,
        "Status": item.status,
        "Title": item.title,
    }
    return looked_up[key]


def choice(tx: Transaction, scope: Scope, conditions: Sequence[Condition], now_ms: int) -> Choice:
    """The parts that summaries count. Status and severity are those of a node; all else is said of parts."""
    where, having = "", ""
    values: dict[str, Any] = {}
    for place, each in enumerate(conditions):
        name = f"f{place}"
        if each.key in ("Status", *_SEVERITY_KEYS):
            having += f" AND MAX(standing) IN :{name}"
            values[name] = _standings(each)
        elif each.key in _COLUMNS:
            sql, more = compared(_COLUMNS[each.key], name, each)
            where += f" AND {sql}"
            values |= more
        elif each.key == "ExecutionTime":
            sql, more = _timed(name, each)
            where += f" AND {sql}"
            values |= more
        else:
            column, chosen = _listed(tx, scope, each, now_ms)
            where += f" AND {column} IN :{name}"
            values[name] = chosen
    return Choice(where, f" HAVING{having.removeprefix(' AND')}" if having else "", values)


def _standings(condition: Condition) -> list[int]:
    if condition.key == "Status":
        return [n for s in (COMPLIANT, NON_COMPLIANT) if condition.holds(s) for n in standings(s)]
    return standings(severities=[each for each in SEVERITIES if condition.holds(each)])


def compared(column: str, name: str, condition: Condition) -> tuple[str, dict[str, Any]]:
    """SQL and its values for a comparison of a column with texts."""
    if condition.operator in ("EQUAL", "NOT_EQUAL"):
        word = "IN" if condition.operator == "EQUAL" else "NOT IN"
        return f"{column} {word} :{name}", {name: list(condition.values)}
    sign = "<" if condition.operator == "LESS_THAN" else ">"
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, value in enumerate(condition.values):
        one = f"{name}_{number}"
        values[one] = value
        if condition.operator == "BEGIN_WITH":
            values[f"{one}_length"] = len(value)
            parts.append(f"substr({column}, 1, CAST(:{one}_length AS INTEGER)) = :{one}")
        else:
            parts.append(f"{column} {sign} :{one}")
    return f"({' OR '.join(parts)})", values


def _timed(name: str, condition: Condition) -> tuple[str, dict[str, Any]]:
    signs: dict[str, Callable[[str], str]] = {
        "EQUAL": lambda at: f"(execution_ms >= :{at} AND execution_ms < :{at} + 1000)",
        "NOT_EQUAL": lambda at: f"(execution_ms < :{at} OR execution_ms >= :{at} + 1000)",
        "LESS_THAN": lambda at: f"execution_ms < :{at}",
        "GREATER_THAN": lambda at: f"execution_ms >= :{at} + 1000",
    }
    if condition.operator not in signs:
        raise error.InvalidFilter(f"ExecutionTime does not go with {condition.operator}.")
    values = {f"{name}_{number}": _moment_ms(text) for number, text in enumerate(condition.values)}
    word = " AND " if condition.operator == "NOT_EQUAL" else " OR "
    return f"({word.join(signs[condition.operator](at) for at in values)})", values


def _moment_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * 1000
    except (ValueError, OverflowError):
        raise error.InvalidFilter("ExecutionTime is a time such as 2026-11-29T10:00:00Z.") from None


def _listed(tx: Transaction, scope: Scope, condition: Condition, now_ms: int) -> tuple[str, list[str]]:
    """A column, and those of its values that the condition allows."""
    if condition.key == "ResourceType":
        column = "'ManagedInstance'"
        return column, [RESOURCE_TYPE] if condition.holds(RESOURCE_TYPE) else []
    if condition.key in FACETS:
        return "facets", [each for each in store.facets(tx, scope) if _has(condition, each)]
    attribute = condition.key.removeprefix(INSTANCE_INFORMATION)
    operator = _OPERATORS[condition.operator]
    return "node_id", nodes.ids_with(tx, scope, attribute, condition.values, operator=operator, now_ms=now_ms)


def _has(condition: Condition, facets: str) -> bool:
    values = msgspec.json.decode(facets).get(condition.key, [])
    if condition.operator == "NOT_EQUAL":
        return not values or all(condition.holds(value) for value in values)
    return any(condition.holds(value) for value in values)
