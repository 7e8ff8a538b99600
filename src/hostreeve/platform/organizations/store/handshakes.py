"""All SQL of invitations."""

from typing import Any

import msgspec

from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.model.handshakes import Handshake

_COLUMNS = (
    "handshake_id, organization_id, party_type, party_id, state, notes, tags, requested_ms, expires_ms,"
    " forget_ms"
)


def insert(tx: Transaction, handshake: Handshake) -> None:
    row = msgspec.structs.asdict(handshake) | {"tags": msgspec.json.encode(handshake.tags).decode()}
    tx.run(
        f"INSERT INTO organization_handshakes ({_COLUMNS}) VALUES (:handshake_id, :organization_id,"
        " :party_type, :party_id, :state, :notes, :tags, :requested_ms, :expires_ms, :forget_ms)",
        **row,
    )


def find(tx: Transaction, handshake_id: str, *, now_ms: int) -> Handshake | None:
    """Whoever sent or received it. None for one that is over for so long that it is not shown any more."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM organization_handshakes"
        " WHERE handshake_id = :handshake_id AND forget_ms > :now_ms",
        handshake_id=handshake_id,
        now_ms=now_ms,
    )
    return _handshake(row) if row else None


def become(tx: Transaction, handshake_id: str, old: str, new: str, *, forget_ms: int) -> bool:
    """False when somebody was faster."""
    changed = tx.run(
        "UPDATE organization_handshakes SET state = :new, forget_ms = :forget_ms"
        " WHERE handshake_id = :handshake_id AND state = :old",
        handshake_id=handshake_id,
        old=old,
        new=new,
        forget_ms=forget_ms,
    )
    return bool(changed)


def sent(tx: Transaction, organization: str, *, now_ms: int, after: str, limit: int) -> list[Handshake]:
    """By an organization, in the order of their ids, behind `after`."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM organization_handshakes WHERE organization_id = :organization"
        " AND forget_ms > :now_ms AND handshake_id > :after ORDER BY handshake_id LIMIT :limit",
        organization=organization,
        now_ms=now_ms,
        after=after,
        limit=limit,
    )
    return [_handshake(row) for row in rows]


def received(tx: Transaction, parties: list[str], *, now_ms: int, after: str, limit: int) -> list[Handshake]:
    """By an account, which is known by its id and its e-mail address; likewise."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM organization_handshakes WHERE party_id IN :parties"
        " AND forget_ms > :now_ms AND handshake_id > :after ORDER BY handshake_id LIMIT :limit",
        parties=parties,
        now_ms=now_ms,
        after=after,
        limit=limit,
    )
    return [_handshake(row) for row in rows]


def is_open(tx: Transaction, organization: str, parties: list[str], *, now_ms: int) -> bool:
    """Whether the organization waits for an answer of the account."""
    row = tx.one(
        "SELECT handshake_id FROM organization_handshakes WHERE organization_id = :organization"
        " AND party_id IN :parties AND state = 'OPEN' AND expires_ms > :now_ms LIMIT 1",
        organization=organization,
        parties=parties,
        now_ms=now_ms,
    )
    return row is not None


def is_old(tx: Transaction, *, now_ms: int) -> bool:
    """Whether there are some to forget."""
    row = tx.one(
        "SELECT handshake_id FROM organization_handshakes WHERE forget_ms <= :now_ms LIMIT 1", now_ms=now_ms
    )
    return row is not None


def forget(tx: Transaction, *, now_ms: int) -> int:
    """Those that are not shown any more are gone; answers how many."""
    return tx.run("DELETE FROM organization_handshakes WHERE forget_ms <= :now_ms", now_ms=now_ms)


def forget_organization(tx: Transaction, organization: str) -> None:
    tx.run(
        "DELETE FROM organization_handshakes WHERE organization_id = :organization",
        organization=organization,
    )


def _handshake(row: dict[str, Any]) -> Handshake:
    return msgspec.convert({**row, "tags": msgspec.json.decode(row["tags"])}, Handshake)
