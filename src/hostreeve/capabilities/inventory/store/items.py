"""What nodes have, and what became different, in the database."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.capabilities.inventory.model.items import Item, Row, packed, unpacked
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPE = "account = :account AND region = :region"
_NODE = f"{_SCOPE} AND node_id = :node_id"
_ONE = f"{_NODE} AND type_name = :type_name"
_HEAD = "node_id, type_name, schema_version, capture_time, content_hash, context"
_NO_MOMENTS = b""


class Head(Struct, frozen=True, kw_only=True):
    """What is known of a node's type beside its entries."""

    node_id: str
    type_name: str
    schema_version: str
    capture_time: str
    content_hash: str
    context: dict[str, str]


class Kept(Struct, frozen=True, kw_only=True):
    """Its entries too: the ids of what is shared, and the times."""

    head: Head
    row_ids: Sequence[int]
    moments: list[Row]


class Noted(Struct, frozen=True, kw_only=True):
    """A change as it is stored."""

    node_id: str
    at_ms: int
    type_name: str
    capture_time: str
    is_first: int
    added: Sequence[int]
    removed: Sequence[int]


def keep(
    tx: Transaction,
    scope: Scope,
    node_id: str,
    item: Item,
    *,
    row_ids: Sequence[int],
    moments: list[Row],
    now_ms: int,
) -> None:
    """A node's type, in the place of what was known."""
    changed = ["schema_version", "capture_time", "content_hash", "context", "row_ids", "moments", "taken_ms"]
    tx.run(
        f"""INSERT INTO inventory_items (account, region, {_HEAD}, row_ids, moments, taken_ms)
            VALUES (:account, :region, :node_id, :type_name, :schema_version, :capture_time, :content_hash,
                    :context, :row_ids, :moments, :now_ms)
            ON CONFLICT (account, region, node_id, type_name)
            DO UPDATE SET {", ".join(f"{column} = excluded.{column}" for column in changed)}""",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        type_name=item.type_name,
        schema_version=item.schema_version,
        capture_time=item.capture_time,
        content_hash=item.content_hash,
        context=msgspec.json.encode(item.context).decode(),
        row_ids=packed(row_ids),
        moments=zlib.compress(msgspec.msgpack.encode(moments), 1) if any(moments) else _NO_MOMENTS,
        now_ms=now_ms,
    )


def heads(tx: Transaction, scope: Scope, node_id: str) -> dict[str, Head]:
    """What a node has, by type."""
    rows = tx.all(
        f"SELECT {_HEAD} FROM inventory_items WHERE {_NODE}",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
    )
    return {row["type_name"]: _head(row) for row in rows}


def row_ids(tx: Transaction, scope: Scope, node_id: str, type_name: str) -> Sequence[int] | None:
    """The ids of a node's entries; None when it has nothing of the type."""
    row = tx.one(
        f"SELECT row_ids FROM inventory_items WHERE {_ONE}",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        type_name=type_name,
    )
    return unpacked(row["row_ids"]) if row else None


def find_many(tx: Transaction, scope: Scope, node_ids: Iterable[str], type_name: str) -> dict[str, Kept]:
    """By node."""
    rows = tx.all(
        f"""SELECT {_HEAD}, row_ids, moments FROM inventory_items
            WHERE {_SCOPE} AND type_name = :type_name AND node_id IN :node_ids""",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
        node_ids=sorted(node_ids),
    )
    return {row["node_id"]: _kept(row) for row in rows}


def ids_of_type(tx: Transaction, scope: Scope, type_name: str) -> list[tuple[str, Sequence[int]]]:
    """(node, ids of its entries) of all nodes that have the type."""
    rows = tx.all(
        f"SELECT node_id, row_ids FROM inventory_items WHERE {_SCOPE} AND type_name = :type_name",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
    )
    return [(row["node_id"], unpacked(row["row_ids"])) for row in rows]


def all_of_type(tx: Transaction, scope: Scope, type_name: str) -> list[Kept]:
    """Of all nodes, times included."""
    rows = tx.all(
        f"SELECT {_HEAD}, row_ids, moments FROM inventory_items WHERE {_SCOPE} AND type_name = :type_name",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
    )
    return [_kept(row) for row in rows]


def nodes_with(tx: Transaction, scope: Scope, type_names: Iterable[str]) -> set[str]:
    """The nodes that have any of these types."""
    rows = tx.all(
        f"SELECT DISTINCT node_id FROM inventory_items WHERE {_SCOPE} AND type_name IN :type_names",
        account=scope.account,
        region=scope.region,
        type_names=sorted(type_names),
    )
    return {row["node_id"] for row in rows}


def every_pair(tx: Transaction, scope: Scope) -> set[tuple[str, str]]:
    """(node, type) of everything that is known."""
    rows = tx.all(
        f"SELECT node_id, type_name FROM inventory_items WHERE {_SCOPE}",
        account=scope.account,
        region=scope.region,
    )
    return {(row["node_id"], row["type_name"]) for row in rows}


def counts_by_version(tx: Transaction, scope: Scope, type_name: str) -> dict[str, int]:
    """How many nodes have the type, by schema version."""
    rows = tx.all(
        f"""SELECT schema_version, COUNT(*) AS n FROM inventory_items
            WHERE {_SCOPE} AND type_name = :type_name GROUP BY schema_version""",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
    )
    return {row["schema_version"]: int(row["n"]) for row in rows}


def some_of_versions(
    tx: Transaction, scope: Scope, type_name: str, versions: Iterable[str], before_ms: int, limit: int
) -> list[Head]:
    """Some of the items with these schema versions that were taken before."""
    rows = tx.all(
        f"""SELECT {_HEAD} FROM inventory_items WHERE {_SCOPE} AND type_name = :type_name
            AND schema_version IN :versions AND taken_ms <= :before_ms ORDER BY node_id LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
        versions=sorted(versions),
        before_ms=before_ms,
        limit=limit,
    )
    return [_head(row) for row in rows]


def drop(tx: Transaction, scope: Scope, node_id: str, type_name: str) -> None:
    tx.run(
        f"DELETE FROM inventory_items WHERE {_ONE}",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        type_name=type_name,
    )


def drop_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    """All that a node had, and what became different on it."""
    for table in ("inventory_items", "inventory_changes"):
        tx.run(
            f"DELETE FROM {table} WHERE {_NODE}",
            account=scope.account,
            region=scope.region,
            node_id=node_id,
        )


def note(tx: Transaction, scope: Scope, change: Noted) -> None:
    """Two changes of the same millisecond are one too many: the later takes the earlier's place."""
    tx.run(
        """INSERT INTO inventory_changes
               (account, region, node_id, at_ms, type_name, capture_time, is_first, added, removed)
           VALUES (:account, :region, :node_id, :at_ms, :type_name, :capture_time, :is_first, :added,
                   :removed)
           ON CONFLICT (account, region, node_id, at_ms, type_name)
           DO UPDATE SET added = excluded.added, removed = excluded.removed""",
        account=scope.account,
        region=scope.region,
        **msgspec.structs.asdict(change) | {"added": packed(change.added), "removed": packed(change.removed)},
    )


def changes(
    tx: Transaction, scope: Scope, node_id: str, *, after: tuple[int, str], until_ms: int, limit: int
) -> list[Noted]:
    """The oldest first, behind `after` (time, type)."""
    rows = tx.all(
        f"""SELECT node_id, at_ms, type_name, capture_time, is_first, added, removed FROM inventory_changes
            WHERE {_NODE} AND (at_ms, type_name) > (:after_ms, :after_type) AND at_ms <= :until_ms
            ORDER BY at_ms, type_name LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        after_ms=after[0],
        after_type=after[1],
        until_ms=until_ms,
        limit=limit,
    )
    return [
        Noted(**{**row, "added": unpacked(row["added"]), "removed": unpacked(row["removed"])}) for row in rows
    ]


def forget_changes(tx: Transaction, before_ms: int, limit: int) -> int:
    """Forget some changes that are older."""
    rows = tx.all(
        """SELECT account, region, node_id, at_ms, type_name FROM inventory_changes
           WHERE at_ms < :before_ms ORDER BY at_ms LIMIT :limit""",
        before_ms=before_ms,
        limit=limit,
    )
    tx.many(f"DELETE FROM inventory_changes WHERE {_ONE} AND at_ms = :at_ms", rows)
    return len(rows)


def crowded(tx: Transaction, changes_max: int) -> list[tuple[Scope, str, int]]:
    """Nodes with more changes than that, and the time of the oldest that is kept."""
    rows = tx.all(
        """SELECT account, region, node_id FROM inventory_changes
           GROUP BY account, region, node_id HAVING COUNT(*) > :changes_max""",
        changes_max=changes_max,
    )
    found = []
    for row in rows:
        oldest = tx.one(
            f"""SELECT at_ms FROM inventory_changes WHERE {_NODE}
                ORDER BY at_ms DESC, type_name DESC LIMIT 1 OFFSET :place""",
            **row,
            place=changes_max - 1,
        )
        if oldest:
            found.append((Scope(row["account"], row["region"]), row["node_id"], oldest["at_ms"]))
    return found


def forget_before(tx: Transaction, scope: Scope, node_id: str, before_ms: int) -> int:
    """Forget a node's changes that are older."""
    return tx.run(
        f"DELETE FROM inventory_changes WHERE {_NODE} AND at_ms < :before_ms",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        before_ms=before_ms,
    )


def _head(row: dict[str, Any]) -> Head:
    known = {name: row[name] for name in Head.__struct_fields__}
    return Head(**known | {"context": msgspec.json.decode(row["context"])})


def _kept(row: dict[str, Any]) -> Kept:
    packed_moments = bytes(row["moments"])
    moments: list[Row] = msgspec.msgpack.decode(zlib.decompress(packed_moments)) if packed_moments else []
    return Kept(head=_head(row), row_ids=unpacked(row["row_ids"]), moments=moments)
