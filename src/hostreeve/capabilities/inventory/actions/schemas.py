"""The types that an account knows: AWS's and its own."""

from collections.abc import Mapping
from typing import Any

from hostreeve.capabilities.inventory.model.types import AWS_TYPES, Type, identity_of, is_moment
from hostreeve.capabilities.inventory.store import types as store
from hostreeve.capabilities.inventory.store.types import CustomType
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction


def find(tx: Transaction, scope: Scope, name: str) -> Type | None:
    if name in AWS_TYPES:
        return AWS_TYPES[name]
    custom = store.find_custom(tx, scope, name)
    return _type(custom) if custom else None


def _type(one: CustomType) -> Type:
    return Type(
        name=one.type_name,
        version=one.version,
        attributes=tuple(one.attributes),
        counted=tuple(each for each in one.attributes if not is_moment(each)),
        identity=identity_of(one.type_name, one.attributes),
    )


def listed(tx: Transaction, scope: Scope, request: Mapping[str, Any]) -> list[Type]:
    """By name: those whose names begin so; with `Aggregator` only what can be aggregated.

    No type has sub-types here.
    """
    if request.get("SubType"):
        return []
    prefix = request.get("TypeName", "")
    known = [*AWS_TYPES.values(), *map(_type, store.all_custom(tx, scope))]
    if request.get("Aggregator"):
        known = [each for each in known if each.counted]
    return sorted((each for each in known if each.name.startswith(prefix)), key=lambda each: each.name)


def described(one: Type, *, is_aggregator: bool) -> dict[str, Any]:
    """InventoryItemSchema. A custom type that has had no entries yet has no attributes."""
    shown = one.counted if is_aggregator else one.attributes
    return {
        "TypeName": one.name,
        "Version": one.version,
        "DisplayName": one.display_name,
        "Attributes": [
            {"Name": each, "DataType": "number" if each in one.numbers else "string"} for each in shown
        ],
    }
