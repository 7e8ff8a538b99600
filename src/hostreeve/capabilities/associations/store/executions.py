"""Executions of associations, how they stand on nodes, and the nodes that came, in the database."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hostreeve.capabilities.associations.model.association import Execution, NodeState
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_COLUMNS = """account, region, association_id, execution_id, version, command_id, created_ms, changed_ms,
    status, detailed_status, counts, noted_to, due_ms"""
_SCOPE = "account = :account AND region = :region"
_OF = f"{_SCOPE} AND association_id = :association_id"
_ONE = f"{_OF} AND execution_id = :execution_id"
_NODE = """association_id, node_id, version, execution_id, status, detailed_status, executed_ms, error_code,
    summary, output_url"""


def insert(tx: Transaction, one: Execution) -> None:
    row: dict[str, Any] = msgspec.structs.asdict(one)
    row["counts"] = msgspec.json.encode(one.counts).decode()
    tx.run(
        f"""INSERT INTO association_executions ({_COLUMNS})
            VALUES (:account, :region, :association_id, :execution_id, :version, :command_id, :created_ms,
                    :changed_ms, :status, :detailed_status, :counts, :noted_to, :due_ms)""",
        **row,
    )


def find(tx: Transaction, scope: Scope, association_id: str, execution_id: str) -> Execution | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM association_executions WHERE {_ONE}",
        **_key(scope, association_id),
        execution_id=execution_id,
    )
    return _execution(row) if row else None


def open_ones(tx: Transaction, scope: Scope, association_id: str) -> list[Execution]:
    """Those that have not ended."""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM association_executions
            WHERE {_OF} AND status IN ('Pending', 'InProgress') ORDER BY created_ms""",
        **_key(scope, association_id),
    )
    return [_execution(row) for row in rows]


def newest(
    tx: Transaction, scope: Scope, association_id: str, *, before: tuple[int, str], limit: int
) -> list[Execution]:
    """The newest first, behind `before` (created_ms, execution_id; (0, ""): from the newest on)."""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM association_executions
            WHERE {_OF} AND (:first = 1 OR (created_ms, execution_id) < (:before_ms, :before_id))
            ORDER BY created_ms DESC, execution_id DESC LIMIT :limit""",
        **_key(scope, association_id),
        first=int(not before[1]),
        before_ms=before[0],
        before_id=before[1],
        limit=limit,
    )
    return [_execution(row) for row in rows]


def move(tx: Transaction, one: Execution, **changes: Any) -> bool:
    """Change an execution that has not ended, by column. False when it has."""
    if "counts" in changes:
        changes["counts"] = msgspec.json.encode(changes["counts"]).decode()
    columns = ", ".join(f"{column} = :{column}" for column in sorted(changes))
    changed = tx.run(
        f"UPDATE association_executions SET {columns} WHERE {_ONE} AND status IN ('Pending', 'InProgress')",
        **_key(one.scope, one.association_id),
        execution_id=one.execution_id,
        **changes,
    )
    return changed == 1


def make_due(tx: Transaction, scope: Scope, execution_id: str, now_ms: int) -> None:
    """Have the worker look at an execution."""
    tx.run(
        f"UPDATE association_executions SET due_ms = :now_ms WHERE {_SCOPE} AND execution_id = :execution_id",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        now_ms=now_ms,
    )


def put_off(tx: Transaction, until_ms: int, *, scope: Scope, association_id: str, execution_id: str) -> None:
    """It could not be looked at: somebody does so then."""
    tx.run(
        f"UPDATE association_executions SET due_ms = :until_ms WHERE {_ONE}",
        **_key(scope, association_id),
        execution_id=execution_id,
        until_ms=until_ms,
    )


def make_due_never(tx: Transaction, scope: Scope, execution_id: str) -> None:
    """There is nothing more to look at."""
    tx.run(
        f"UPDATE association_executions SET due_ms = NULL WHERE {_SCOPE} AND execution_id = :execution_id",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
    )


def due(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str, str]]:
    """(scope, association id, execution id) of what the worker is to look at."""
    rows = tx.all(
        """SELECT account, region, association_id, execution_id FROM association_executions
           WHERE due_ms IS NOT NULL AND due_ms <= :now_ms ORDER BY due_ms LIMIT :limit""",
        now_ms=now_ms,
        limit=limit,
    )
    return [
        (Scope(row["account"], row["region"]), row["association_id"], row["execution_id"]) for row in rows
    ]


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM association_executions WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def drop_before(tx: Transaction, before_ms: int, limit: int) -> int:
    """Forget some executions that are older than that and have ended."""
    rows = tx.all(
        """SELECT account, region, association_id, execution_id FROM association_executions
           WHERE created_ms < :before_ms AND status NOT IN ('Pending', 'InProgress')
           ORDER BY created_ms LIMIT :limit""",
        before_ms=before_ms,
        limit=limit,
    )
    tx.many(f"DELETE FROM association_executions WHERE {_ONE}", rows)
    return len(rows)


def note(tx: Transaction, scope: Scope, states: Sequence[NodeState]) -> None:
    """How an association stands on nodes, in the place of what was known."""
    rows = [
        {**msgspec.structs.asdict(one), "account": scope.account, "region": scope.region} for one in states
    ]
    key = {"association_id", "node_id"}
    changed = [column for column in NodeState.__struct_fields__ if column not in key]
    tx.many(
        f"""INSERT INTO association_nodes (account, region, {_NODE})
            VALUES (:account, :region, :association_id, :node_id, :version, :execution_id, :status,
                    :detailed_status, :executed_ms, :error_code, :summary, :output_url)
            ON CONFLICT (account, region, node_id, association_id)
            DO UPDATE SET {", ".join(f"{column} = excluded.{column}" for column in changed)}""",
        rows,
    )


def of_node(tx: Transaction, scope: Scope, node_id: str, *, after: str, limit: int) -> list[NodeState]:
    """How associations stand on a node, by their ids, behind `after`."""
    rows = tx.all(
        f"""SELECT {_NODE} FROM association_nodes
            WHERE {_SCOPE} AND node_id = :node_id AND association_id > :after
            ORDER BY association_id LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        after=after,
        limit=limit,
    )
    return [msgspec.convert(row, NodeState) for row in rows]


def state(tx: Transaction, scope: Scope, association_id: str, node_id: str) -> NodeState | None:
    row = tx.one(
        f"SELECT {_NODE} FROM association_nodes WHERE {_OF} AND node_id = :node_id",
        **_key(scope, association_id),
        node_id=node_id,
    )
    return msgspec.convert(row, NodeState) if row else None


def tally(tx: Transaction, scope: Scope, association_id: str) -> dict[str, int]:
    """Nodes by status, over all that the association was applied to."""
    rows = tx.all(
        f"SELECT status, COUNT(*) AS n FROM association_nodes WHERE {_OF} GROUP BY status",
        **_key(scope, association_id),
    )
    return {row["status"]: int(row["n"]) for row in rows}


def tally_of(tx: Transaction, scope: Scope, association_id: str, execution_id: str) -> dict[str, int]:
    """Nodes by status, of those that this execution was the last for."""
    rows = tx.all(
        f"SELECT status, COUNT(*) AS n FROM association_nodes WHERE {_ONE} GROUP BY status",
        **_key(scope, association_id),
        execution_id=execution_id,
    )
    return {row["status"]: int(row["n"]) for row in rows}


def reset(tx: Transaction, scope: Scope, node_id: str) -> None:
    """An agent that starts runs nothing any more, whatever it said before."""
    tx.run(
        f"""UPDATE association_nodes SET status = 'Pending', detailed_status = 'Pending'
            WHERE {_SCOPE} AND node_id = :node_id AND status = 'InProgress'""",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
    )


def came(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> None:
    """A node came, or has other tags."""
    tx.run(
        """INSERT INTO association_newcomers (account, region, node_id, came_ms)
           VALUES (:account, :region, :node_id, :now_ms)
           ON CONFLICT (account, region, node_id) DO NOTHING""",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        now_ms=now_ms,
    )


def put_off_newcomers(tx: Transaction, until_ms: int, *, scope: Scope, node_ids: Sequence[str]) -> None:
    """They could not be seen to: somebody looks at them again then."""
    tx.run(
        f"UPDATE association_newcomers SET came_ms = :until_ms WHERE {_SCOPE} AND node_id IN :node_ids",
        account=scope.account,
        region=scope.region,
        node_ids=list(node_ids),
        until_ms=until_ms,
    )


def newcomers(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    rows = tx.all(
        """SELECT account, region, node_id FROM association_newcomers
           WHERE came_ms <= :now_ms ORDER BY came_ms LIMIT :limit""",
        now_ms=now_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["node_id"]) for row in rows]


def next_newcomer_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT came_ms FROM association_newcomers ORDER BY came_ms LIMIT 1")
    return row["came_ms"] if row else None


def welcomed(tx: Transaction, scope: Scope, node_id: str) -> None:
    tx.run(
        f"DELETE FROM association_newcomers WHERE {_SCOPE} AND node_id = :node_id",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
    )


def _key(scope: Scope, association_id: str) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region, "association_id": association_id}


def _execution(row: dict[str, Any]) -> Execution:
    return msgspec.convert({**row, "counts": msgspec.json.decode(row["counts"])}, Execution)
