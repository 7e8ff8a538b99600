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
    """The resource is gone, and its tags with it."""
    tx.run(
        f"DELETE FROM resource_tags WHERE {_SCOPED} AND arn = :arn",
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
        f"SELECT arn, tag_key, tag_value FROM resource_tags WHERE {_SCOPED} AND arn IN :arns ORDER BY tag_key",
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
    sql = (
        f"SELECT DISTINCT arn FROM resource_tags WHERE {_SCOPED} AND tag_key = :key"
        " AND arn >= :first AND arn < :last AND arn > :after"
    )
    if values is not None:
        sql += " AND tag_value IN :tag_values"
    if among is not None:
        sql += " AND arn IN :among"
    lists = {"tag_values": values, "among": among}
    rows = tx.all(
        sql + " ORDER BY arn LIMIT :limit",
        account=scope.account,
        region=scope.region,
        key=key,
        first=arn_prefix,
        last=arn_prefix + _BEHIND_ALL,
        after=after,
        limit=limit,
        **{name: list(given) for name, given in lists.items() if given is not None},
    )
    return [row["arn"] for row in rows]
