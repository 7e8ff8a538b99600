"""Instances in the database."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.compute.model.instance import TERMINATED, Instance

_SCOPED = "account = :account AND region = :region"
_COLUMNS = (
    "account, region, instance_id, reservation_id, state, architecture, instance_type, role, private_ip,"
    " private_dns, platform, launched_ms, terminated_ms"
)
REPORTED = ("private_ip", "private_dns", "platform")


def insert(tx: Transaction, instance: Instance) -> None:
    tx.run(
        f"INSERT INTO instances ({_COLUMNS}) VALUES (:account, :region, :instance_id, :reservation_id,"
        " :state, :architecture, :instance_type, :role, :private_ip, :private_dns, :platform, :launched_ms,"
        " :terminated_ms)",
        **msgspec.structs.asdict(instance),
    )


def select(
    tx: Transaction, scope: Scope, *, after: str = "", limit: int, among: Sequence[str] | None = None
) -> list[Instance]:
    """Instances behind `after`, by id; `among` looks at these ids only."""
    which: dict[str, Any] = {} if among is None else {"ids": list(among)}
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM instances WHERE {_SCOPED} AND instance_id > :after"
        f"{'' if among is None else ' AND instance_id IN :ids'} ORDER BY instance_id LIMIT :limit",
        **_here(scope),
        after=after,
        limit=limit,
        **which,
    )
    return [Instance(**row) for row in rows]


def report(tx: Transaction, scope: Scope, instance_id: str, said: Mapping[str, str]) -> None:
    """What a machine says of itself, if it differs; what it leaves out stays."""
    known = {column: said[column] for column in REPORTED if said.get(column)}
    if not known:
        return
    changes = ", ".join(f"{column} = :{column}" for column in known)
    differs = " OR ".join(f"{column} <> :{column}" for column in known)
    tx.run(
        f"UPDATE instances SET {changes} WHERE {_SCOPED} AND instance_id = :instance_id AND ({differs})",
        **_here(scope),
        instance_id=instance_id,
        **known,
    )


def terminate(tx: Transaction, scope: Scope, instance_id: str, now_ms: int) -> bool:
    """False when it is terminated already."""
    return bool(
        tx.run(
            f"UPDATE instances SET state = '{TERMINATED}', terminated_ms = :now_ms"
            f" WHERE {_SCOPED} AND instance_id = :instance_id AND state <> '{TERMINATED}'",
            **_here(scope),
            instance_id=instance_id,
            now_ms=now_ms,
        )
    )


def terminated_before(tx: Transaction, scope: Scope, before_ms: int, limit: int) -> list[str]:
    """The ids of some that ended longer ago."""
    rows = tx.all(
        f"SELECT instance_id FROM instances WHERE {_SCOPED} AND terminated_ms < :before_ms LIMIT :limit",
        **_here(scope),
        before_ms=before_ms,
        limit=limit,
    )
    return [row["instance_id"] for row in rows]


def delete(tx: Transaction, scope: Scope, instance_id: str) -> None:
    tx.run(
        f"DELETE FROM instances WHERE {_SCOPED} AND instance_id = :instance_id",
        **_here(scope),
        instance_id=instance_id,
    )


def _here(scope: Scope) -> dict[str, str]:
    return {"account": scope.account, "region": scope.region}
