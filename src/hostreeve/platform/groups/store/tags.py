"""All SQL of the tag store."""

from collections.abc import Iterable, Mapping, Sequence

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
_BEHIND_ALL = "\U0010ffff"


def set_tags(tx: Transaction, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
    """Add tags, or give those that exist a new value."""
    tx.many(
        "INSERT INTO resource_tags (account, region, arn, tag_key, tag_value)"
        " VALUES (:account, :region, :arn, :key, :value)"
        " ON CONFLICT (account, region, arn, tag_key) DO UPDATE SET tag_value = excluded.tag_value",
        [
            {"account": scope.account, "region": scope.region, "arn": arn, "key": key, "value": value}
            for key, value in tags.items()
        ],
    )


def remove_tags(tx: Transaction, scope: Scope, arn: str, keys: Iterable[str]) -> None:
    tx.run(
        f"DELETE FROM resource_tags WHERE {_SCOPED} AND arn = :arn AND tag_key IN :keys",
        account=scope.account,
        region=scope.region,
        arn=arn,
        keys=list(keys),
    )


def forget(tx: Transaction, scope: Scope, arn: str) -> None:
    """The resource is gone, its tags and its places in groups with it."""
    for table in ("resource_tags", "resource_group_members"):
        tx.run(
            f"DELETE FROM {table} WHERE {_SCOPED} AND arn = :arn",
            account=scope.account,
            region=scope.region,
            arn=arn,
        )


def tags_of(tx: Transaction, scope: Scope, arn: str) -> dict[str, str]:
    """A resource's tags, sorted by key."""
    rows = tx.all(
        f"SELECT tag_key, tag_value FROM resource_tags WHERE {_SCOPED} AND arn = :arn ORDER BY tag_key",
        account=scope.account,
        region=scope.region,
        arn=arn,
    )
    return {row["tag_key"]: row["tag_value"] for row in rows}


def tags_of_many(tx: Transaction, scope: Scope, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of several resources at once; those without tags are missing."""
    rows = tx.all(
        f"SELECT arn, tag_key, tag_value FROM resource_tags WHERE {_SCOPED} AND arn IN :arns"
        # By tag_key alone, SQLite would walk the other index: every tag of the Region.
        " ORDER BY arn, tag_key",
        account=scope.account,
        region=scope.region,
        arns=list(arns),
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["arn"], {})[row["tag_key"]] = row["tag_value"]
    return found


def arns_tagged(
    tx: Transaction,
    scope: Scope,
    arn_prefix: str,
    key: str,
    values: Sequence[str] | None = None,
    *,
    after: str = "",
    limit: int = 1_000_000,
    among: Sequence[str] | None = None,
) -> list[str]:
    """ARNs with this prefix that carry the tag with one of the values (None: any), in order.

    `after` and `limit` make pages; `among` looks at these ARNs only.
    """
    which: dict[str, Sequence[str] | None] = {"tag_key": [key], "tag_value": values, "arn": among}
    return _arns(tx, scope, arn_prefix, which, after=after, limit=limit)


def arns_with_key(
    tx: Transaction,
    scope: Scope,
    arn_prefix: str,
    keys: Sequence[str],
    *,
    after: str = "",
    limit: int = 1_000_000,
    among: Sequence[str] | None = None,
) -> list[str]:
    """ARNs with this prefix that carry a tag with one of the keys; otherwise as `arns_tagged`."""
    return _arns(tx, scope, arn_prefix, {"tag_key": keys, "arn": among}, after=after, limit=limit)


def _arns(
    tx: Transaction,
    scope: Scope,
    arn_prefix: str,
    which: Mapping[str, Sequence[str] | None],
    *,
    after: str,
    limit: int,
) -> list[str]:
    given = {column: list(values) for column, values in which.items() if values is not None}
    conditions = "".join(f" AND {column} IN :some_{column}" for column in given)
    rows = tx.all(
        f"SELECT DISTINCT arn FROM resource_tags WHERE {_SCOPED} AND arn >= :first AND arn < :last"
        f" AND arn > :after{conditions} ORDER BY arn LIMIT :limit",
        account=scope.account,
        region=scope.region,
        first=arn_prefix,
        last=arn_prefix + _BEHIND_ALL,
        after=after,
        limit=limit,
        **{f"some_{column}": values for column, values in given.items()},
    )
    return [row["arn"] for row in rows]
