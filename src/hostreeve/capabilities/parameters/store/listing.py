"""Lists of parameters, page by page. Every statement looks at a bounded number of rows, however many there
are: a page may be short, or empty, and still have a next one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hostreeve.capabilities.parameters.model.filters import Filter
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store.parameters import COLUMNS, SCOPED, parameter
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

LOOKED_AT_MAX = 1_000
"""Rows that one page looks at, in the order of an index."""
_BEHIND_ALL = "\U0010ffff"
_COLUMN = {"Type": "type", "KeyId": "key_id", "Tier": "tier", "DataType": "data_type", "Name": "name"}


@dataclass(frozen=True, slots=True)
class Span:
    """A run of paths that an index keeps together: those of one parent, or all between two texts."""

    first: str = ""
    last: str = _BEHIND_ALL
    parent: str | None = None

    def within(self, scope: Scope, after: str, until: str | None = None) -> tuple[str, dict[str, Any]]:
        """The condition of what lies in the span behind `after`, up to and with `until`, and its parameters.

        One lower and one upper bound, never two of a kind: SQLite walks the index by the first that it meets.
        """
        lower = "path > :low" if after >= self.first else "path >= :low"
        upper = "path < :high" if until is None else "path <= :high"
        text = f"{SCOPED} AND {lower} AND {upper}"
        params = {"account": scope.account, "region": scope.region}
        params |= {"low": max(after, self.first), "high": self.last if until is None else until}
        if self.parent is None:
            return text, params
        return f"{text} AND parent = :parent", params | {"parent": self.parent}


def below(path: str) -> Span:
    """Everything under a path, at any depth."""
    prefix = path.rstrip("/")
    # "0" is the character behind "/".
    return Span(f"{prefix}/", f"{prefix}0")


def children(path: str) -> Span:
    return Span(parent=path)


def beginning(prefix: str) -> Span:
    return Span(prefix, prefix + _BEHIND_ALL)


def named(path: str) -> Span:
    return Span(path, f"{path}\x01")


@dataclass(frozen=True, slots=True)
class Found:
    """Some parameters of a list. `seen` is the path up to which the list has been looked at, None: all of
    it."""

    parameters: list[Parameter]
    seen: str | None


def walk(
    tx: Transaction, scope: Scope, span: Span, filters: Sequence[Filter], *, after: str, limit: int
) -> Found:
    """Up to `limit` parameters of the span behind `after` that all filters let through, by path."""
    end = _end(tx, "parameters", span.within(scope, after)) if filters else None
    where, params = span.within(scope, after, end)
    conditions, more = _conditions(filters)
    rows = tx.all(
        f"SELECT {COLUMNS} FROM parameters WHERE {where}{conditions} ORDER BY path LIMIT :limit",
        limit=limit + 1,
        **params,
        **more,
    )
    if len(rows) > limit:
        kept = [parameter(row) for row in rows[:limit]]
        return Found(kept, kept[-1].path)
    return Found([parameter(row) for row in rows], end)


def _end(tx: Transaction, table: str, within: tuple[str, dict[str, Any]]) -> str | None:
    """The path of the last row that one page may look at; None when it may look at all."""
    where, params = within
    row = tx.one(
        f"SELECT path FROM {table} WHERE {where} ORDER BY path LIMIT 1 OFFSET {LOOKED_AT_MAX - 1}", **params
    )
    return row["path"] if row else None


def among(tx: Transaction, scope: Scope, paths: Sequence[str], filters: Sequence[Filter]) -> list[Parameter]:
    """Those of the paths that exist and that all filters let through, by path."""
    conditions, more = _conditions(filters)
    rows = tx.all(
        f"SELECT {COLUMNS} FROM parameters WHERE {SCOPED} AND path IN :paths{conditions} ORDER BY path",
        account=scope.account,
        region=scope.region,
        paths=list(paths),
        **more,
    )
    return [parameter(row) for row in rows]


def labelled(
    tx: Transaction, scope: Scope, span: Span, names: Sequence[str], *, after: str
) -> tuple[list[tuple[str, int]], str | None]:
    """Path and version of what carries one of the labels in the span, and how far was looked (None: all).

    Labels are few beside parameters, so they lead, not the parameters.
    """
    end = _end(tx, "parameter_labels", span.within(scope, after))
    where, params = span.within(scope, after, end)
    rows = tx.all(
        f"SELECT path, version FROM parameter_labels WHERE {where} AND label IN :names"
        " ORDER BY path, version DESC",
        **params,
        names=list(names),
    )
    return [(row["path"], row["version"]) for row in rows], end


def _conditions(filters: Sequence[Filter]) -> tuple[str, dict[str, Any]]:
    texts: list[str] = []
    params: dict[str, Any] = {}
    for number, each in enumerate(filters):
        if each.way == "Equals" and each.key != "Name":
            texts.append(f"{_COLUMN[each.key]} IN :values{number}")
            params[f"values{number}"] = list(each.values)
            continue
        alternatives = []
        for position, value in enumerate(each.values):
            text, more = _alternative(each, value, f"f{number}_{position}")
            alternatives.append(text)
            params |= more
        texts.append(f"({' OR '.join(alternatives)})")
    return "".join(f" AND {text}" for text in texts), params


def _alternative(each: Filter, value: str, name: str) -> tuple[str, dict[str, Any]]:
    """One value of a filter as a condition, and its parameters, whose names begin with `name`."""
    if each.key == "Path":
        span = below(value) if each.way == "Recursive" else children(value.rstrip("/") or "/")
        if span.parent is not None:
            return f"parent || '' = :{name}", {name: span.parent}
        # Joined to nothing, the column is no bound of an index: the walk keeps the one that it has.
        return (
            f"(path || '' >= :{name} AND path || '' < :{name}_end)",
            {name: span.first, f"{name}_end": span.last},
        )
    if each.way == "Equals":
        return f"path || '' = :{name}", {name: value if value.startswith("/") else f"/{value}"}
    if each.way == "Contains":
        escaped = value.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        return f"name LIKE :{name} ESCAPE '!'", {name: f"%{escaped}%"}
    column = _COLUMN[each.key]
    return f"({column} >= :{name} AND {column} < :{name}_end)", {
        name: value,
        f"{name}_end": value + _BEHIND_ALL,
    }


def spans(filters: Sequence[Filter]) -> tuple[list[Span], list[Filter]]:
    """The runs of paths, in order, in which everything lies that the filters let through, and the filters
    that are still to be applied in them."""
    for each in filters:
        found = list(_spans(each))
        if found:
            # Beginnings of names are looked up as beginnings of paths: `x` and `/x` are told apart later.
            is_whole = each.key == "Path" or each.way == "Equals"
            rest = [one for one in filters if one is not each or not is_whole]
            return sorted(found, key=lambda span: (span.parent or span.first, span.last)), rest
    return [Span()], list(filters)


def _spans(each: Filter) -> Iterator[Span]:
    """The runs of one filter, none of which holds what another does. None at all: it tells no paths."""
    if each.key == "Path" and each.way == "OneLevel":
        yield from (children(parent) for parent in {value.rstrip("/") or "/" for value in each.values})
        return
    if each.key == "Path":
        wanted = [below(value) for value in each.values]
    elif each.key == "Name" and each.way == "BeginsWith":
        wanted = [beginning(value if value.startswith("/") else f"/{value}") for value in each.values]
    elif each.key == "Name" and each.way == "Equals":
        wanted = [named(value if value.startswith("/") else f"/{value}") for value in each.values]
    else:
        return
    wanted = list(dict.fromkeys(wanted))
    for span in wanted:
        inside = (span != other and other.first <= span.first and span.last <= other.last for other in wanted)
        if not any(inside):
            yield span
