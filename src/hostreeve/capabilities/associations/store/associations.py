"""Associations and their versions in the database."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hostreeve.capabilities.associations.model.association import Association, Version
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_COLUMNS = """account, region, association_id, version, wanted, created_ms, updated_ms, status,
    detailed_status, counts, said, last_execution_ms, last_success_ms, follows, anchor_ms, reckoned_ms,
    due_ms"""
_SCOPE = "account = :account AND region = :region"
_ONE = f"{_SCOPE} AND association_id = :association_id"


def insert(tx: Transaction, one: Association) -> bool:
    """A new association and its first version. False when the node already has the document by InstanceId."""
    row = _row(one)
    made = tx.run(
        f"""INSERT INTO associations ({_COLUMNS}, name, instance_id, association_name, takes_newcomers,
                                      follows_parameters)
            VALUES (:account, :region, :association_id, :version, :wanted, :created_ms, :updated_ms, :status,
                    :detailed_status, :counts, :said, :last_execution_ms, :last_success_ms, :follows,
                    :anchor_ms, :reckoned_ms, :due_ms,
                    :name, :instance_id, :association_name, :takes_newcomers, :follows_parameters)
            ON CONFLICT DO NOTHING""",
        **row,
    )
    if made:
        _insert_version(tx, one, row["wanted"])
    return made == 1


def replace(tx: Transaction, one: Association) -> bool:
    """The next version, in the place of the one before it. False when somebody was faster."""
    row = _row(one)
    columns = (
        "version",
        "wanted",
        "updated_ms",
        "status",
        "detailed_status",
        "follows",
        "anchor_ms",
        "reckoned_ms",
        "due_ms",
        "name",
        "instance_id",
        "association_name",
        "takes_newcomers",
        "follows_parameters",
    )
    changed = tx.run(
        f"""UPDATE associations SET {", ".join(f"{column} = :{column}" for column in columns)}
            WHERE {_ONE} AND version = :version - 1""",
        **{name: row[name] for name in (*columns, "account", "region", "association_id")},
    )
    if changed:
        _insert_version(tx, one, row["wanted"])
    return changed == 1


def _insert_version(tx: Transaction, one: Association, wanted: str) -> None:
    tx.run(
        """INSERT INTO association_versions (account, region, association_id, version, wanted, created_ms)
           VALUES (:account, :region, :association_id, :version, :wanted, :created_ms)""",
        account=one.account,
        region=one.region,
        association_id=one.association_id,
        version=one.version,
        wanted=wanted,
        created_ms=one.updated_ms,
    )


def find(tx: Transaction, scope: Scope, association_id: str) -> Association | None:
    row = tx.one(f"SELECT {_COLUMNS} FROM associations WHERE {_ONE}", **_key(scope, association_id))
    return _association(row) if row else None


def find_many(tx: Transaction, scope: Scope, association_ids: Iterable[str]) -> dict[str, Association]:
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM associations WHERE {_SCOPE} AND association_id IN :ids",
        account=scope.account,
        region=scope.region,
        ids=sorted(association_ids) or [""],
    )
    return {row["association_id"]: _association(row) for row in rows}


def find_legacy(tx: Transaction, scope: Scope, name: str, instance_id: str) -> Association | None:
    """The association that binds a document to one node by InstanceId."""
    row = tx.one(
        f"""SELECT {_COLUMNS} FROM associations
            WHERE {_SCOPE} AND name = :name AND instance_id = :instance_id AND instance_id <> ''""",
        account=scope.account,
        region=scope.region,
        name=name,
        instance_id=instance_id,
    )
    return _association(row) if row else None


def count(tx: Transaction, scope: Scope) -> int:
    sql = f"SELECT COUNT(*) AS n FROM associations WHERE {_SCOPE}"
    row = tx.one(sql, account=scope.account, region=scope.region)
    return int(row["n"]) if row else 0


def listed(tx: Transaction, scope: Scope, *, after: str, limit: int) -> list[Association]:
    """Associations by id, behind `after`."""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM associations
            WHERE {_SCOPE} AND association_id > :after ORDER BY association_id LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        after=after,
        limit=limit,
    )
    return [_association(row) for row in rows]


def taking_newcomers(tx: Transaction, scope: Scope) -> list[Association]:
    """Those that are applied to a node as soon as it is there. At most ASSOCIATIONS_MAX."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM associations WHERE {_SCOPE} AND takes_newcomers = 1 ORDER BY association_id",
        account=scope.account,
        region=scope.region,
    )
    return [_association(row) for row in rows]


def takes_newcomers(tx: Transaction, scope: Scope) -> bool:
    sql = f"SELECT 1 AS found FROM associations WHERE {_SCOPE} AND takes_newcomers = 1 LIMIT 1"
    return tx.one(sql, account=scope.account, region=scope.region) is not None


def following(tx: Transaction, scope: Scope, what: str) -> list[str]:
    """The ids of those that are applied again when this changes."""
    rows = tx.all(
        f"SELECT association_id, follows FROM associations WHERE {_SCOPE} AND follows LIKE :like",
        account=scope.account,
        region=scope.region,
        like="%" + what.replace("%", "_") + "%",
    )
    return [row["association_id"] for row in rows if what in msgspec.json.decode(row["follows"])]


def following_parameter(tx: Transaction, scope: Scope, what: str) -> list[str]:
    """The same for parameters, of which few associations are made and many are written: their own index."""
    rows = tx.all(
        f"""SELECT association_id, follows FROM associations
            WHERE {_SCOPE} AND follows_parameters = 1 ORDER BY association_id""",
        account=scope.account,
        region=scope.region,
    )
    return [row["association_id"] for row in rows if what in msgspec.json.decode(row["follows"])]


def due(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    rows = tx.all(
        """SELECT account, region, association_id FROM associations
           WHERE due_ms IS NOT NULL AND due_ms <= :now_ms ORDER BY due_ms LIMIT :limit""",
        now_ms=now_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["association_id"]) for row in rows]


def reckoned_after(tx: Transaction, at_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Those whose next time was reckoned later than that: under a clock that has jumped back since."""
    rows = tx.all(
        """SELECT account, region, association_id FROM associations
           WHERE reckoned_ms > :at_ms ORDER BY reckoned_ms LIMIT :limit""",
        at_ms=at_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["association_id"]) for row in rows]


def put_off(tx: Transaction, until_ms: int, *, scope: Scope, association_id: str) -> None:
    """It could not be moved on: somebody looks at it again then."""
    tx.run(
        f"UPDATE associations SET due_ms = :until_ms WHERE {_ONE} AND due_ms IS NOT NULL",
        **_key(scope, association_id),
        until_ms=until_ms,
    )


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM associations WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def move(tx: Transaction, scope: Scope, association_id: str, **changes: Any) -> bool:
    """Write where it stands, by column."""
    columns = ", ".join(f"{column} = :{column}" for column in sorted(changes))
    if "counts" in changes:
        changes["counts"] = msgspec.json.encode(changes["counts"]).decode()
    if "said" in changes:
        changes["said"] = msgspec.json.encode(changes["said"]).decode()
    return (
        tx.run(f"UPDATE associations SET {columns} WHERE {_ONE}", **_key(scope, association_id), **changes)
        == 1
    )


def delete(tx: Transaction, scope: Scope, association_id: str) -> bool:
    """The association with its versions and its standing on nodes. What it did goes with its history."""
    key = _key(scope, association_id)
    tx.run(f"DELETE FROM association_versions WHERE {_ONE}", **key)
    tx.run(f"DELETE FROM association_nodes WHERE {_ONE}", **key)
    tx.run(f"DELETE FROM association_executions WHERE {_ONE}", **key)
    return tx.run(f"DELETE FROM associations WHERE {_ONE}", **key) == 1


def version(tx: Transaction, scope: Scope, association_id: str, number: int) -> Version | None:
    row = tx.one(
        f"""SELECT association_id, version, wanted, created_ms FROM association_versions
            WHERE {_ONE} AND version = :version""",
        **_key(scope, association_id),
        version=number,
    )
    return _version(row) if row else None


def versions(
    tx: Transaction, scope: Scope, association_id: str, *, before: int, limit: int
) -> Sequence[Version]:
    """The newest first; `before` 0: from the newest on."""
    rows = tx.all(
        f"""SELECT association_id, version, wanted, created_ms FROM association_versions
            WHERE {_ONE} AND (:before = 0 OR version < :before) ORDER BY version DESC LIMIT :limit""",
        **_key(scope, association_id),
        before=before,
        limit=limit,
    )
    return [_version(row) for row in rows]


def _key(scope: Scope, association_id: str) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region, "association_id": association_id}


def _row(one: Association) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.structs.asdict(one)
    for member in ("wanted", "counts", "said", "follows"):
        row[member] = msgspec.json.encode(row[member]).decode()
    return row | {
        "name": one.name,
        "instance_id": one.wanted.get("InstanceId", ""),
        "association_name": one.wanted.get("AssociationName", ""),
        "takes_newcomers": int(one.takes_newcomers),
        "follows_parameters": int(any(each.startswith("parameter:") for each in one.follows)),
    }


def _association(row: dict[str, Any]) -> Association:
    for member in ("wanted", "counts", "said", "follows"):
        row[member] = msgspec.json.decode(row[member])
    return msgspec.convert(row, Association)


def _version(row: dict[str, Any]) -> Version:
    return msgspec.convert({**row, "wanted": msgspec.json.decode(row["wanted"])}, Version)
