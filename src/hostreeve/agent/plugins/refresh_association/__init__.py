"""aws:refreshAssociation: have the associations of this node applied now."""

from __future__ import annotations

from typing import Any

from hostreeve.agent.order import InvalidInputs, Order, Place
from hostreeve.agent.plugins.task import object_of, order_for_task


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs when `associationIds` is no list of texts; OSError when the task cannot be written."""
    members = object_of(inputs or {})
    ids = members.get("associationIds") or []
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise InvalidInputs("associationIds must be a list of strings")
    return order_for_task("refresh_association", {"associationIds": [each for each in ids if each]}, place)
