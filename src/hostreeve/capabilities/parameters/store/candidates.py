"""Versions whose value is yet to be looked up: all their SQL."""

import msgspec

from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_OF_PATH = "account = :account AND region = :region AND path = :path"


class Candidate(msgspec.Struct, frozen=True):
    """A version as it will be, the tags that a new parameter gets, and whether one may be there already."""

    parameter: Parameter
    tags: dict[str, str]
    overwrites: bool


def newest(tx: Transaction, scope: Scope, path: str) -> int:
    """The highest version that waits for this parameter; 0 when none does."""
    row = tx.one(
        f"SELECT MAX(version) AS version FROM parameter_candidates WHERE {_OF_PATH}",
        account=scope.account,
        region=scope.region,
        path=path,
    )
    return int(row["version"] or 0) if row else 0


def insert(tx: Transaction, candidate: Candidate) -> None:
    made = candidate.parameter
    rows = tx.run(
        """INSERT INTO parameter_candidates (account, region, path, version, created_ms, candidate)
           VALUES (:account, :region, :path, :version, :created_ms, :candidate) ON CONFLICT DO NOTHING""",
        account=made.account,
        region=made.region,
        path=made.path,
        version=made.version,
        created_ms=made.modified_ms,
        candidate=msgspec.json.encode(candidate).decode(),
    )
    assert rows == 1, f"another writer offered version {made.version} of {made.path} in this transaction"


def oldest(tx: Transaction, limit: int) -> list[Candidate]:
    """Those that have waited longest, each parameter's in the order of its versions."""
    rows = tx.all(
        "SELECT candidate FROM parameter_candidates ORDER BY created_ms, version LIMIT :limit", limit=limit
    )
    return [msgspec.json.decode(row["candidate"], type=Candidate) for row in rows]


def delete(tx: Transaction, candidate: Candidate) -> bool:
    """False when somebody else has dealt with it."""
    made = candidate.parameter
    return bool(
        tx.run(
            f"DELETE FROM parameter_candidates WHERE {_OF_PATH} AND version = :version",
            account=made.account,
            region=made.region,
            path=made.path,
            version=made.version,
        )
    )


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT MIN(created_ms) AS due_ms FROM parameter_candidates")
    return row["due_ms"] if row else None
