"""What this installation itself publishes below /aws/service/, for every account to read."""

from collections.abc import Iterable

from hostreeve.capabilities.parameters.actions import keeping
from hostreeve.capabilities.parameters.model import names, values
from hostreeve.capabilities.parameters.model.parameter import STANDARD, STRING, Parameter
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.persistence.database import Transaction

PUBLISHER = "hostreeve"


def publish(tx: Transaction, name: str, value: str, *, regions: Iterable[str], now_ms: int) -> None:
    """Let the public parameter have that value in each Region; where it has another, by a new version."""
    there = store.in_regions(tx, "", name)
    for region in sorted(regions):
        current = there.get(region)
        if current and current.value == value.encode():
            continue
        named = names.read("", region, name)
        assert named is not None and named.is_public, f"{name} is no public name"
        made = Parameter(
            account="",
            region=region,
            path=named.path,
            name=name,
            version=current.version + 1 if current else 1,
            type=STRING,
            tier=STANDARD,
            data_type=values.TEXT,
            key_id="",
            description="",
            allowed_pattern="",
            policies=(),
            modified_ms=now_ms,
            modified_by=PUBLISHER,
            value=value.encode(),
        )
        if current:
            keeping.append(tx, made)
        else:
            keeping.create(tx, made, {})
