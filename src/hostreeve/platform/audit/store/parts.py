"""All SQL of parts and of the keys that they are found by."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.model.parts import Part

AT_ONCE = 8


class Stored(NamedTuple):
    """A part as it lies there."""

    part: int
    last_ms: int
    frames: bytes


def insert(tx: Transaction, made: Iterable[Part]) -> None:
    for each in made:
        row = tx.one(
            "INSERT INTO audit_part (account, region, chain, first_sequence, last_sequence,"
            " first_ms, last_ms, records, frames)"
            " VALUES (:account, :region, :chain, :first_sequence, :last_sequence, :first_ms, :last_ms,"
            " :records, :frames) RETURNING part",
            account=each.scope.account,
            region=each.scope.region,
            chain=each.chain,
            first_sequence=each.first_sequence,
            last_sequence=each.last_sequence,
            first_ms=each.first_ms,
            last_ms=each.last_ms,
            records=each.records,
            frames=each.frames,
        )
        assert row is not None
        tx.many(
            "INSERT INTO audit_key (account, region, key, last_ms, part)"
            " VALUES (:account, :region, :key, :last_ms, :part) ON CONFLICT DO NOTHING",
            [
                {
                    "account": each.scope.account,
                    "region": each.scope.region,
                    "key": key,
                    "last_ms": each.last_ms,
                    "part": row["part"],
                }
                for key in each.keys
            ],
        )


def latest_first(
    tx: Transaction, scope: Scope, *, start_ms: int, end_ms: int, span_ms: int, key: int | None
) -> Iterator[Stored]:
    """Parts with something between the two times, the one that ends last first. `span_ms` is how long a part
    can be; `key` one of the numbers that it must have."""
    last_ms, part = end_ms + span_ms, 1 << 62
    while True:
        rows = _further(tx, scope, start_ms=start_ms, last_ms=last_ms, part=part, key=key)
        for row in rows:
            last_ms, part = row["last_ms"], row["part"]
            if row["first_ms"] <= end_ms:
                found = tx.one("SELECT frames FROM audit_part WHERE part = :part", part=part)
                if found is not None:
                    yield Stored(part, last_ms, found["frames"])
        if len(rows) < AT_ONCE:
            return


def _further(
    tx: Transaction, scope: Scope, *, start_ms: int, last_ms: int, part: int, key: int | None
) -> list[dict[str, int]]:
    where = {
        "account": scope.account,
        "region": scope.region,
        "start_ms": start_ms,
        "last_ms": last_ms,
        "part": part,
        "n": AT_ONCE,
    }
    if key is None:
        return tx.all(
            "SELECT part, first_ms, last_ms FROM audit_part"
            " WHERE account = :account AND region = :region AND last_ms >= :start_ms"
            " AND (last_ms, part) < (:last_ms, :part) ORDER BY last_ms DESC, part DESC LIMIT :n",
            **where,
        )
    return tx.all(
        "SELECT audit_key.part AS part, audit_part.first_ms AS first_ms, audit_key.last_ms AS last_ms"
        " FROM audit_key JOIN audit_part ON audit_part.part = audit_key.part"
        " WHERE audit_key.account = :account AND audit_key.region = :region AND audit_key.key = :key"
        " AND audit_key.last_ms >= :start_ms AND (audit_key.last_ms, audit_key.part) < (:last_ms, :part)"
        " ORDER BY audit_key.last_ms DESC, audit_key.part DESC LIMIT :n",
        key=key,
        **where,
    )


def regions_of(tx: Transaction, account: str) -> list[str]:
    """The Regions of an account's parts, each by one look at the index."""
    found: list[str] = []
    after = ""
    while True:
        row = tx.one(
            "SELECT MIN(region) AS region FROM audit_part WHERE account = :account AND region > :after",
            account=account,
            after=after,
        )
        if row is None or row["region"] is None:
            return found
        found.append(after := row["region"])


def of_chain(tx: Transaction, chain: str, *, after: tuple[int, int], at_most: int) -> list[dict[str, Any]]:
    """A chain's parts behind the one with that first line and number, whosever they are."""
    return tx.all(
        "SELECT part, first_sequence, last_sequence, last_ms, account, region, frames FROM audit_part"
        " WHERE chain = :chain AND (first_sequence, part) > (:first, :part)"
        " ORDER BY first_sequence, part LIMIT :n",
        chain=chain,
        first=after[0],
        part=after[1],
        n=at_most,
    )


def ends_of_chain(tx: Transaction, chain: str, *, at_most: int) -> list[dict[str, int]]:
    """First and last line and last time of a chain's first parts, whosever they are."""
    return tx.all(
        "SELECT first_sequence, last_sequence, last_ms FROM audit_part WHERE chain = :chain"
        " ORDER BY first_sequence, part LIMIT :n",
        chain=chain,
        n=at_most,
    )


def between(tx: Transaction, *, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """Time and number of all parts with something between the two times, whosever they are, by the time of
    their first record."""
    rows = tx.all(
        "SELECT part, first_ms FROM audit_part WHERE last_ms >= :start_ms AND first_ms <= :end_ms"
        " AND records > 0 ORDER BY first_ms, part",
        start_ms=start_ms,
        end_ms=end_ms,
    )
    return [(row["first_ms"], row["part"]) for row in rows]


def frames_of(tx: Transaction, part: int) -> bytes:
    """A part's frames, whosever they are; none of a part that is there no more."""
    row = tx.one("SELECT frames FROM audit_part WHERE part = :part", part=part)
    return row["frames"] if row else b""


def delete(tx: Transaction, scope: Scope, part: int, last_ms: int, keys: Iterable[int]) -> None:
    tx.many(
        "DELETE FROM audit_key WHERE account = :account AND region = :region AND key = :key"
        " AND last_ms = :last_ms AND part = :part",
        [
            {
                "account": scope.account,
                "region": scope.region,
                "key": key,
                "last_ms": last_ms,
                "part": part,
            }
            for key in keys
        ],
    )
    tx.run("DELETE FROM audit_part WHERE part = :part", part=part)
