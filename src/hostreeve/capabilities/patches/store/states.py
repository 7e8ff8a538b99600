"""How nodes stand: one row per node, what it reported last."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from hostreeve.capabilities.patches.model.state import State
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_NAMES = State.__struct_fields__
_COLUMNS = ", ".join(_NAMES)
_SCOPED = "account = :account AND region = :region"
COMPARED = {"Equal": "=", "NotEqual": "<>", "LessThan": "<", "GreaterThan": ">"}


class Condition(NamedTuple):
    """A count held against a number: `column` is State's, `operator` one of COMPARED."""

    column: str
    operator: str
    number: int


def keep(tx: Transaction, scope: Scope, state: State) -> None:
    """In the place of what the node reported before."""
    tx.run(
        f"INSERT INTO patch_states (account, region, {_COLUMNS})"
        f" VALUES (:account, :region, {', '.join(f':{name}' for name in _NAMES)})"
        " ON CONFLICT (account, region, node_id) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "node_id"),
        **_in(scope),
        **msgspec.structs.asdict(state),
    )


def find_many(
    tx: Transaction, scope: Scope, node_ids: Sequence[str], *, after: str = "", limit: int = 10_000
) -> list[State]:
    """Those of the nodes that have reported, by id."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM patch_states WHERE {_SCOPED} AND node_id IN :node_ids AND node_id > :after"
        " ORDER BY node_id LIMIT :limit",
        **_in(scope),
        node_ids=list(node_ids),
        after=after,
        limit=limit,
    )
    return [msgspec.convert(row, State) for row in rows]


def listed(
    tx: Transaction,
    scope: Scope,
    *,
    patch_group: str | None = None,
    conditions: Sequence[Condition] = (),
    after: str,
    limit: int,
) -> list[State]:
    """Of a patch group or of all, those that meet every condition, by node id behind `after`."""
    where = " AND patch_group = :patch_group" if patch_group is not None else ""
    where += "".join(
        f" AND {each.column} {COMPARED[each.operator]} :n{i}" for i, each in enumerate(conditions)
    )
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM patch_states WHERE {_SCOPED}{where} AND node_id > :after"
        " ORDER BY node_id LIMIT :limit",
        **_in(scope),
        after=after,
        limit=limit,
        **({"patch_group": patch_group} if patch_group is not None else {}),
        **{f"n{i}": each.number for i, each in enumerate(conditions)},
    )
    return [msgspec.convert(row, State) for row in rows]


def count_in_group(tx: Transaction, scope: Scope, patch_group: str, columns: Sequence[str]) -> dict[str, int]:
    """How many nodes of a patch group there are (`nodes`), and how many have any of each count."""
    counted = ", ".join(f"SUM(CASE WHEN {name} > 0 THEN 1 ELSE 0 END) AS {name}" for name in columns)
    row = tx.one(
        f"SELECT COUNT(*) AS nodes, {counted} FROM patch_states"
        f" WHERE {_SCOPED} AND patch_group = :patch_group",
        **_in(scope),
        patch_group=patch_group,
    )
    return {name: int(value or 0) for name, value in (row or {}).items()}


def tally(tx: Transaction, scope: Scope, patch_group: str | None = None) -> list[dict[str, Any]]:
    """Nodes by patch group, baseline and how they stand (`failed`, `waits`, `missing`, `rejected`)."""
    where = " AND patch_group = :patch_group" if patch_group is not None else ""
    return tx.all(
        "SELECT patch_group, baseline_id, severity, CASE WHEN failed > 0 THEN 1 ELSE 0 END AS failed,"
        " CASE WHEN installed_pending > 0 THEN 1 ELSE 0 END AS waits,"
        " CASE WHEN missing > 0 THEN 1 ELSE 0 END AS missing,"
        " CASE WHEN installed_rejected > 0 THEN 1 ELSE 0 END AS rejected,"
        " COUNT(*) AS nodes, SUM(missing) AS patches, SUM(failed) AS failures,"
        " SUM(critical_non_compliant) AS critical, SUM(security_non_compliant) AS security,"
        " MIN(ended_ms) AS oldest_ms"
        f" FROM patch_states WHERE {_SCOPED}{where} GROUP BY 1, 2, 3, 4, 5, 6, 7",
        **_in(scope),
        **({"patch_group": patch_group} if patch_group is not None else {}),
    )


def drop(tx: Transaction, scope: Scope, node_id: str) -> None:
    tx.run(f"DELETE FROM patch_states WHERE {_SCOPED} AND node_id = :node_id", **_in(scope), node_id=node_id)


def _in(scope: Scope) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region}
