"""Resources by their tags: which carry what is asked for, and which keys and values there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.groups.model.queries import TagFilter

_BEHIND_ALL = "\U0010ffff"
_HERE = "{t}.account = :account AND {t}.region = :region"


def matching(
    tx: Transaction,
    scope: Scope,
    filters: Sequence[TagFilter],
    prefixes: Sequence[str],
    *,
    after: str = "",
    limit: int,
    among: Sequence[str] | None = None,
) -> list[str]:
    """ARNs behind `after` that begin with one of the prefixes and pass all filters, in order.

    Without filters: all that have any tag. `among` looks at these ARNs only.
    """
    if not prefixes:
        return []
    values: dict[str, Any] = {}
    driver, others = (filters[0], filters[1:]) if filters else (None, ())
    sql = f"SELECT DISTINCT t.arn FROM resource_tags t WHERE {_HERE.format(t='t')} AND t.arn > :after"
    if driver is not None:
        sql += _carries("t", 0, driver, values)
    for place, each in enumerate(others, 1):
        sql += (
            f" AND EXISTS (SELECT 1 FROM resource_tags u WHERE {_HERE.format(t='u')} AND u.arn = t.arn"
            f"{_carries('u', place, each, values)})"
        )
    if among is not None:
        sql += " AND t.arn IN :among"
        values["among"] = list(among)
    sql += f" AND ({_among(prefixes, values)}) ORDER BY t.arn LIMIT :limit"
    rows = tx.all(sql, **_scoped(scope), after=after, limit=limit, **values)
    return [row["arn"] for row in rows]


def keys(tx: Transaction, scope: Scope, *, prefixes: Sequence[str], after: str, limit: int) -> list[str]:
    """The keys behind `after` of all tags of such resources, in order."""
    values: dict[str, Any] = {}
    rows = tx.all(
        f"SELECT DISTINCT t.tag_key FROM resource_tags t WHERE {_HERE.format(t='t')} AND t.tag_key > :after"
        f" AND ({_among(prefixes, values)}) ORDER BY t.tag_key LIMIT :limit",
        **_scoped(scope),
        after=after,
        limit=limit,
        **values,
    )
    return [row["tag_key"] for row in rows]


def values_of(
    tx: Transaction, scope: Scope, key: str, *, prefixes: Sequence[str], after: str | None, limit: int
) -> list[str]:
    """The values behind `after` (None: from the first) of one key, in order. The first may be empty."""
    values: dict[str, Any] = {} if after is None else {"after": after}
    rows = tx.all(
        f"SELECT DISTINCT t.tag_value FROM resource_tags t WHERE {_HERE.format(t='t')} AND t.tag_key = :key"
        f"{'' if after is None else ' AND t.tag_value > :after'} AND ({_among(prefixes, values)})"
        " ORDER BY t.tag_value LIMIT :limit",
        **_scoped(scope),
        key=key,
        limit=limit,
        **values,
    )
    return [row["tag_value"] for row in rows]


def _carries(table: str, place: int, tag: TagFilter, values: dict[str, Any]) -> str:
    sql = ""
    for column, wanted in (("tag_key", tag.keys), ("tag_value", tag.values)):
        if wanted:
            # One is compared, not looked for in a list of one: then the index gives ARNs in order.
            is_one = len(wanted) == 1
            values[f"{column}{place}"] = wanted[0] if is_one else list(wanted)
            sql += f" AND {table}.{column} {'=' if is_one else 'IN'} :{column}{place}"
    return sql


def _among(prefixes: Sequence[str], values: dict[str, Any]) -> str:
    parts = []
    for place, prefix in enumerate(prefixes):
        values[f"first{place}"], values[f"last{place}"] = prefix, prefix + _BEHIND_ALL
        parts.append(f"t.arn >= :first{place} AND t.arn < :last{place}")
    return " OR ".join(parts)


def _scoped(scope: Scope) -> Mapping[str, str]:
    return {"account": scope.account, "region": scope.region}
