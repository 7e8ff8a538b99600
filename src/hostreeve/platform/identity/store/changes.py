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
    """The account's stamp as this transaction sees it, and its organization's; empty when nothing ever
    changed.
    """
    known: str | None = tx.memo.get((stamp_of, account))
    if known is not None:
        return known
    seen = _seen.get(account)
    if seen is not None and seen.state == tx.state:
        return seen.stamp
    row = tx.one(
        "SELECT own.stamp, above.stamp AS above FROM iam_stamps AS own LEFT JOIN iam_stamps AS above"
        " ON above.account = own.organization AND above.region = :region"
        " WHERE own.account = :account AND own.region = :region",
        account=account,
        region=GLOBAL,
    )
    found = row["stamp"] + (row["above"] or "") if row else ""
    tx.memo[stamp_of, account] = found
    if tx.state is not None:
        _seen.keep(account, _Seen(tx.state, found))
    return found


def change(tx: Transaction, scope: Scope, sql: str, **params: Any) -> int:
    """Run a statement; when it changed rows, the stamp changes too. Returns how many rows."""
    changed = tx.run(sql, account=scope.account, region=scope.region, **params)
    if changed:
        stamp(tx, scope.account, repr((sql, sorted(params.items()))))
    return changed


def stamp(tx: Transaction, owner: str, trace: str) -> None:
    """Give an account, or an organization, another stamp for a change that `trace` describes in full."""
    row = tx.one(
        "SELECT stamp FROM iam_stamps WHERE account = :owner AND region = :region",
        owner=owner,
        region=GLOBAL,
    )
    before = row["stamp"] if row else ""
    tx.run(
        "INSERT INTO iam_stamps (account, region, stamp) VALUES (:owner, :region, :stamp)"
        " ON CONFLICT (account, region) DO UPDATE SET stamp = excluded.stamp",
        owner=owner,
        region=GLOBAL,
        stamp=blake2b(repr((before, trace)).encode(), digest_size=16).hexdigest(),
    )
    # An organization's stamp counts for all its accounts.
    for key in [key for key in tx.memo if isinstance(key, tuple) and key[0] is stamp_of]:
        del tx.memo[key]


def one(tx: Transaction, scope: Scope, sql: str, **params: Any) -> dict[str, Any] | None:
    return tx.one(sql, account=scope.account, region=scope.region, **params)


def several(tx: Transaction, scope: Scope, sql: str, **params: Any) -> list[dict[str, Any]]:
    return tx.all(sql, account=scope.account, region=scope.region, **params)
