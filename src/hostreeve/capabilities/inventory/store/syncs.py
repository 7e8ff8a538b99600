"""Resource data syncs and what they have to write, in the database."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPE = "account = :account AND region = :region"
_ONE = f"{_SCOPE} AND name = :name"
TO_DESTINATION, FROM_SOURCE = "SyncToDestination", "SyncFromSource"


class Sync(Struct, frozen=True, kw_only=True):
    """A resource data sync. Times are milliseconds, 0 for never. `listed` 0: what was known before it has not
    been queued yet."""

    account: str
    region: str
    name: str
    kind: str
    wanted: dict[str, Any]
    status: str
    message: str
    created_ms: int
    modified_ms: int
    last_sync_ms: int = 0
    last_success_ms: int = 0
    listed: int = 1
    due_ms: int | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


class Waiting(Struct, frozen=True):
    """What has to be written; `turn` is another number when it has become different again."""

    node_id: str
    type_name: str
    turn: int


def insert(tx: Transaction, one: Sync) -> bool:
    """False when there is one of this name."""
    row = msgspec.structs.asdict(one) | {"wanted": msgspec.json.encode(one.wanted).decode()}
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    sql = f"INSERT INTO resource_data_syncs ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"
    return tx.run(sql, **row) == 1


def find(tx: Transaction, scope: Scope, name: str) -> Sync | None:
    row = tx.one(f"SELECT * FROM resource_data_syncs WHERE {_ONE}", **_key(scope, name))
    return _sync(row) if row else None


def listed(tx: Transaction, scope: Scope, *, after: str, limit: int) -> list[Sync]:
    rows = tx.all(
        f"SELECT * FROM resource_data_syncs WHERE {_SCOPE} AND name > :after ORDER BY name LIMIT :limit",
        account=scope.account,
        region=scope.region,
        after=after,
        limit=limit,
    )
    return [_sync(row) for row in rows]


def to_destinations(tx: Transaction, scope: Scope) -> list[str]:
    """The names of those that write."""
    known: list[str] | None = tx.memo.get(("syncs", scope))
    if known is not None:
        return known
    rows = tx.all(
        f"SELECT name FROM resource_data_syncs WHERE {_SCOPE} AND kind = '{TO_DESTINATION}'",
        account=scope.account,
        region=scope.region,
    )
    # Nobody makes a sync in the middle of a unit that changes many nodes.
    names = tx.memo["syncs", scope] = [row["name"] for row in rows]
    return names


def due(tx: Transaction, now_ms: int, limit: int) -> list[Sync]:
    rows = tx.all(
        """SELECT * FROM resource_data_syncs WHERE due_ms IS NOT NULL AND due_ms <= :now_ms
           ORDER BY due_ms LIMIT :limit""",
        now_ms=now_ms,
        limit=limit,
    )
    return [_sync(row) for row in rows]


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT MIN(due_ms) AS due_ms FROM resource_data_syncs WHERE due_ms IS NOT NULL")
    return row["due_ms"] if row else None


def move(tx: Transaction, scope: Scope, name: str, **changes: Any) -> None:
    """Change columns of a sync."""
    if "wanted" in changes:
        changes["wanted"] = msgspec.json.encode(changes["wanted"]).decode()
    columns = ", ".join(f"{column} = :{column}" for column in changes)
    tx.run(f"UPDATE resource_data_syncs SET {columns} WHERE {_ONE}", **_key(scope, name), **changes)


def wake(tx: Transaction, scope: Scope, name: str, now_ms: int) -> None:
    """There is something to write; a sync that rests after a failure goes on resting."""
    tx.run(
        f"UPDATE resource_data_syncs SET due_ms = :now_ms WHERE {_ONE} AND due_ms IS NULL",
        **_key(scope, name),
        now_ms=now_ms,
    )


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    for table in ("resource_data_syncs", "resource_data_sync_queue"):
        tx.run(f"DELETE FROM {table} WHERE {_ONE}", **_key(scope, name))


def queue(tx: Transaction, scope: Scope, name: str, pairs: Iterable[tuple[str, str]], turn: int) -> None:
    """These (node, type) have become different."""
    tx.many(
        """INSERT INTO resource_data_sync_queue (account, region, name, node_id, type_name, turn)
           VALUES (:account, :region, :name, :node_id, :type_name, :turn)
           ON CONFLICT (account, region, name, node_id, type_name)
           DO UPDATE SET turn = resource_data_sync_queue.turn + 1""",
        [
            {**_key(scope, name), "node_id": node_id, "type_name": type_name, "turn": turn}
            for node_id, type_name in sorted(pairs)
        ],
    )


def waiting(tx: Transaction, scope: Scope, name: str, limit: int) -> list[Waiting]:
    rows = tx.all(
        f"""SELECT node_id, type_name, turn FROM resource_data_sync_queue
            WHERE {_ONE} ORDER BY node_id, type_name LIMIT :limit""",
        **_key(scope, name),
        limit=limit,
    )
    return [Waiting(**row) for row in rows]


def written(tx: Transaction, scope: Scope, name: str, done: Sequence[Waiting]) -> None:
    """These are written, unless they have become different again meanwhile."""
    tx.many(
        f"""DELETE FROM resource_data_sync_queue
            WHERE {_ONE} AND node_id = :node_id AND type_name = :type_name AND turn = :turn""",
        [{**_key(scope, name), **msgspec.structs.asdict(one)} for one in done],
    )


def _key(scope: Scope, name: str) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region, "name": name}


def _sync(row: dict[str, Any]) -> Sync:
    return msgspec.convert({**row, "wanted": msgspec.json.decode(row["wanted"])}, Sync)
