"""Filters of inventory, read: which type and attribute they are about, and when they hold."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

TYPE_NAME = "TypeName"
"""The key by which nodes are chosen that have a type at all (with Exists)."""
EXISTS, NOT_EQUAL = "Exists", "NotEqual"
_DOTTED = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})*")


class Condition(Struct, frozen=True):
    """`type_name` and `attribute` compared with values; of TYPE_NAME both are "" and the values are types."""

    type_name: str
    attribute: str
    operator: str
    values: tuple[str, ...]

    def holds(self, found: str) -> bool:
        """Of one value. NotEqual is not asked here: it is that Equal holds for none."""
        if self.operator == EXISTS:
            return True
        if self.operator in ("Equal", NOT_EQUAL):
            return found in self.values
        if self.operator == "BeginWith":
            return found.startswith(self.values)
        return any(_compares(self.operator, found, value) for value in self.values)

    @property
    def is_negative(self) -> bool:
        return self.operator == NOT_EQUAL


def _compares(operator: str, found: str, value: str) -> bool:
    """Numbers and versions part by part (1.9 is less than 1.10), all else as texts."""
    left: Any = found
    right: Any = value
    if _DOTTED.fullmatch(found) and _DOTTED.fullmatch(value):
        left, right = ([int(part) for part in each.split(".")] for each in (found, value))
    return bool(left < right if operator == "LessThan" else left > right)


class Unreadable(Exception):
    """What is no filter; the text says why."""


def read(filters: Sequence[Mapping[str, Any]]) -> list[Condition]:
    """Unreadable for keys that name no attribute of a type."""
    conditions = []
    for each in filters:
        key, operator = each["Key"], each.get("Type", "Equal")
        type_name, _, attribute = key.rpartition(".")
        if key == TYPE_NAME:
            type_name = attribute = ""
            if operator != EXISTS:
                raise Unreadable(f"{TYPE_NAME} goes with {EXISTS}.")
        elif not type_name.startswith(("AWS:", "Custom:")) or not attribute:
            raise Unreadable(f"{key} names no attribute of a type, such as AWS:Application.Name.")
        conditions.append(Condition(type_name, attribute, operator, tuple(each["Values"])))
    return conditions


def row_passes(conditions: Iterable[Condition], row: Mapping[str, str]) -> bool:
    """Whether all of these, which are about the same type, hold for one entry."""
    return all(each.attribute in row and each.holds(row[each.attribute]) for each in conditions)
