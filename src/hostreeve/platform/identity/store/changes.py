"""The stamp of an account's identities: every change goes through here and leaves its trace in it.

A stamp is the hash of the one before and of the change, so that two equal stamps stand for equal rows: what
was derived from them (unsealed keys, compiled policies) may be kept for as long as the stamp is the same, on
every replica, whatever was rolled back meanwhile.
"""

from hashlib import blake2b
from typing import Any, NamedTuple

from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.store.memory import Memory

IN_SCOPE = "account = :account AND region = :region"


class _Seen(NamedTuple):
    """The stamp that an account had in a state of the store."""

    state: int
    stamp: str


_seen: Memory[str, _Seen] = Memory(4096)


def stamp_of(tx: Transaction, account: str) -> str:
    """The account's stamp as this transaction sees it; empty when nothing ever changed."""
    known: str | None = tx.memo.get((stamp_of, account))
    if known is not None:
        return known
    seen = _seen.get(account)
    if seen is not None and seen.state == tx.state:
        return seen.stamp
    row = tx.one(
        "SELECT stamp FROM iam_stamps WHERE account = :account AND region = :region",
        account=account,
        region=GLOBAL,
    )
    stamp = row["stamp"] if row else ""
    tx.memo[stamp_of, account] = stamp
    if tx.state is not None:
        _seen.keep(account, _Seen(tx.state, stamp))
    return stamp


def change(tx: Transaction, scope: Scope, sql: str, **params: Any) -> int:
    """Run a statement; when it changed rows, the stamp changes too. Returns how many rows."""
    changed = tx.run(sql, account=scope.account, region=scope.region, **params)
    if changed:
        before = stamp_of(tx, scope.account)
        tx.memo.pop((stamp_of, scope.account), None)
        trace = repr((before, sql, sorted(params.items())))
        tx.run(
            "INSERT INTO iam_stamps (account, region, stamp) VALUES (:account, :region, :stamp)"
            " ON CONFLICT (account, region) DO UPDATE SET stamp = excluded.stamp",
            account=scope.account,
            region=scope.region,
            stamp=blake2b(trace.encode(), digest_size=16).hexdigest(),
        )
    return changed


def one(tx: Transaction, scope: Scope, sql: str, **params: Any) -> dict[str, Any] | None:
    return tx.one(sql, account=scope.account, region=scope.region, **params)


def several(tx: Transaction, scope: Scope, sql: str, **params: Any) -> list[dict[str, Any]]:
    return tx.all(sql, account=scope.account, region=scope.region, **params)
