"""Custom types, deletions and nodes that left, in the database."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPE = "account = :account AND region = :region"
_TYPE = f"{_SCOPE} AND type_name = :type_name"


class CustomType(Struct, frozen=True, kw_only=True):
    """A custom type: its newest version with the attributes that were seen, and the version that is disabled
    ("": none)."""

    type_name: str
    version: str
    attributes: list[str]
    disabled_version: str = ""


class Deletion(Struct, frozen=True, kw_only=True):
    """The deletion of what nodes have of a type. `summary` are (version, count, remaining)."""

    account: str
    region: str
    deletion_id: str
    type_name: str
    client_token: str
    summary: list[tuple[str, int, int]]
    status: str
    started_ms: int
    updated_ms: int

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


def all_custom(tx: Transaction, scope: Scope) -> list[CustomType]:
    rows = tx.all(
        f"SELECT * FROM inventory_types WHERE {_SCOPE} ORDER BY type_name",
        account=scope.account,
        region=scope.region,
    )
    return [_custom(row) for row in rows]


def find_custom(tx: Transaction, scope: Scope, type_name: str) -> CustomType | None:
    row = tx.one(f"SELECT * FROM inventory_types WHERE {_TYPE}", **_key(scope, type_name))
    return _custom(row) if row else None


def keep_custom(tx: Transaction, scope: Scope, one: CustomType) -> None:
    tx.run(
        """INSERT INTO inventory_types (account, region, type_name, version, attributes, disabled_version)
           VALUES (:account, :region, :type_name, :version, :attributes, :disabled_version)
           ON CONFLICT (account, region, type_name)
           DO UPDATE SET version = excluded.version, attributes = excluded.attributes,
                         disabled_version = excluded.disabled_version""",
        **_key(scope, one.type_name),
        version=one.version,
        attributes=msgspec.json.encode(one.attributes).decode(),
        disabled_version=one.disabled_version,
    )


def drop_custom(tx: Transaction, scope: Scope, type_name: str) -> None:
    tx.run(f"DELETE FROM inventory_types WHERE {_TYPE}", **_key(scope, type_name))


def insert_deletion(tx: Transaction, one: Deletion) -> None:
    tx.run(
        """INSERT INTO inventory_deletions (account, region, deletion_id, type_name, client_token, summary,
                                            status, started_ms, updated_ms)
           VALUES (:account, :region, :deletion_id, :type_name, :client_token, :summary, :status,
                   :started_ms, :updated_ms)""",
        **_row(one),
    )


def move_deletion(tx: Transaction, one: Deletion) -> None:
    tx.run(
        f"""UPDATE inventory_deletions SET summary = :summary, status = :status, updated_ms = :updated_ms
            WHERE {_SCOPE} AND deletion_id = :deletion_id""",
        **{
            name: value
            for name, value in _row(one).items()
            if name in ("account", "region", "deletion_id", "summary", "status", "updated_ms")
        },
    )


def find_deletion(tx: Transaction, scope: Scope, deletion_id: str) -> Deletion | None:
    row = tx.one(
        f"SELECT * FROM inventory_deletions WHERE {_SCOPE} AND deletion_id = :deletion_id",
        account=scope.account,
        region=scope.region,
        deletion_id=deletion_id,
    )
    return _deletion(row) if row else None


def deletion_for(tx: Transaction, scope: Scope, client_token: str) -> Deletion | None:
    """The deletion that a client asked for with this token."""
    row = tx.one(
        f"""SELECT * FROM inventory_deletions WHERE {_SCOPE} AND client_token = :client_token
            ORDER BY started_ms DESC LIMIT 1""",
        account=scope.account,
        region=scope.region,
        client_token=client_token,
    )
    return _deletion(row) if row else None


def deletions(tx: Transaction, scope: Scope, *, before: tuple[int, str], limit: int) -> list[Deletion]:
    """The newest first, behind `before` ((0, ""): from the newest on)."""
    rows = tx.all(
        f"""SELECT * FROM inventory_deletions
            WHERE {_SCOPE} AND (:first = 1 OR (started_ms, deletion_id) < (:before_ms, :before_id))
            ORDER BY started_ms DESC, deletion_id DESC LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        first=int(not before[1]),
        before_ms=before[0],
        before_id=before[1],
        limit=limit,
    )
    return [_deletion(row) for row in rows]


def open_deletions(tx: Transaction, limit: int) -> list[Deletion]:
    sql = "SELECT * FROM inventory_deletions WHERE status = 'InProgress' ORDER BY started_ms LIMIT :limit"
    return [_deletion(row) for row in tx.all(sql, limit=limit)]


def forget_deletions(tx: Transaction, before_ms: int) -> int:
    return tx.run(
        "DELETE FROM inventory_deletions WHERE status = 'Complete' AND started_ms < :before_ms",
        before_ms=before_ms,
    )


def leave(tx: Transaction, scope: Scope, node_id: str, information: Mapping[str, str], now_ms: int) -> None:
    """A node is managed no more."""
    tx.run(
        """INSERT INTO inventory_left (account, region, node_id, left_ms, information)
           VALUES (:account, :region, :node_id, :now_ms, :information)
           ON CONFLICT (account, region, node_id)
           DO UPDATE SET left_ms = excluded.left_ms, information = excluded.information""",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        now_ms=now_ms,
        information=msgspec.json.encode(information).decode(),
    )


def left(tx: Transaction, scope: Scope) -> dict[str, tuple[int, dict[str, str]]]:
    """When each node left and what it was, by id."""
    rows = tx.all(
        f"SELECT node_id, left_ms, information FROM inventory_left WHERE {_SCOPE}",
        account=scope.account,
        region=scope.region,
    )
    return {row["node_id"]: (row["left_ms"], msgspec.json.decode(row["information"])) for row in rows}


def left_before(tx: Transaction, before_ms: int, limit: int) -> list[tuple[Scope, str]]:
    rows = tx.all(
        "SELECT account, region, node_id FROM inventory_left WHERE left_ms < :before_ms LIMIT :limit",
        before_ms=before_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["node_id"]) for row in rows]


def forget_left(tx: Transaction, scope: Scope, node_id: str) -> None:
    tx.run(
        f"DELETE FROM inventory_left WHERE {_SCOPE} AND node_id = :node_id",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
    )


def _key(scope: Scope, type_name: str) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region, "type_name": type_name}


def _custom(row: dict[str, Any]) -> CustomType:
    return CustomType(
        type_name=row["type_name"],
        version=row["version"],
        attributes=msgspec.json.decode(row["attributes"]),
        disabled_version=row["disabled_version"],
    )


def _row(one: Deletion) -> dict[str, Any]:
    return msgspec.structs.asdict(one) | {"summary": msgspec.json.encode(one.summary).decode()}


def _deletion(row: dict[str, Any]) -> Deletion:
    return msgspec.convert({**row, "summary": msgspec.json.decode(row["summary"])}, Deletion)
