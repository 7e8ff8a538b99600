"""Entries that nodes share, in the database."""

from collections.abc import Iterable, Sequence

import msgspec

from hostreeve.capabilities.inventory.model.items import Row, Shared, unpacked
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPE = "account = :account AND region = :region"
_OF_TYPE = f"{_SCOPE} AND type_name = :type_name"
_AT_ONCE = 5_000


def ids_for(tx: Transaction, scope: Scope, type_name: str, shared: Sequence[Shared]) -> list[int]:
    """The ids of these entries, in their order. Those that nobody had before are new from now on."""
    known = _known(tx, scope, type_name, {each.digest for each in shared})
    missing = {each.digest: each.content for each in shared if each.digest not in known}
    if missing:
        tx.many(
            """INSERT INTO inventory_rows (account, region, type_name, digest, content)
               VALUES (:account, :region, :type_name, :digest, :content) ON CONFLICT DO NOTHING""",
            [
                {
                    "account": scope.account,
                    "region": scope.region,
                    "type_name": type_name,
                    "digest": digest,
                    "content": content.decode(),
                }
                # In one order for all, so that two transactions do not wait for one another.
                for digest, content in sorted(missing.items())
            ],
        )
        known |= _known(tx, scope, type_name, missing)
    return [known[each.digest] for each in shared]


def _known(tx: Transaction, scope: Scope, type_name: str, digests: Iterable[str]) -> dict[str, int]:
    rows = tx.all(
        f"SELECT digest, row_id FROM inventory_rows WHERE {_OF_TYPE} AND digest IN :digests",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
        digests=list(digests),
    )
    return {row["digest"]: row["row_id"] for row in rows}


def contents(tx: Transaction, row_ids: Iterable[int]) -> dict[int, Row]:
    """Entries by id."""
    found: dict[int, Row] = {}
    wanted = sorted(set(row_ids))
    for start in range(0, len(wanted), _AT_ONCE):
        rows = tx.all(
            "SELECT row_id, content FROM inventory_rows WHERE row_id IN :ids",
            ids=wanted[start : start + _AT_ONCE],
        )
        found |= {row["row_id"]: msgspec.json.decode(row["content"]) for row in rows}
    return found


def of_type(tx: Transaction, scope: Scope, type_name: str) -> list[tuple[int, Row]]:
    """All different entries that nodes have or had."""
    rows = tx.all(
        f"SELECT row_id, content FROM inventory_rows WHERE {_OF_TYPE}",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
    )
    return [(row["row_id"], msgspec.json.decode(row["content"])) for row in rows]


def kinds(tx: Transaction) -> list[tuple[Scope, str]]:
    """Every scope and type that has entries."""
    rows = tx.all("SELECT DISTINCT account, region, type_name FROM inventory_rows ORDER BY account, region")
    return [(Scope(row["account"], row["region"]), row["type_name"]) for row in rows]


def sweep(tx: Transaction, scope: Scope, type_name: str) -> int:
    """Forget the entries that no node has and no change tells of."""
    key = {"account": scope.account, "region": scope.region, "type_name": type_name}
    unused = {row["row_id"] for row in tx.all(f"SELECT row_id FROM inventory_rows WHERE {_OF_TYPE}", **key)}
    for column, table in (
        ("row_ids", "inventory_items"),
        ("added", "inventory_changes"),
        ("removed", "inventory_changes"),
    ):
        for row in tx.all(f"SELECT {column} AS ids FROM {table} WHERE {_OF_TYPE}", **key):
            unused.difference_update(unpacked(row["ids"]))
    tx.many("DELETE FROM inventory_rows WHERE row_id = :row_id", [{"row_id": each} for each in unused])
    return len(unused)
