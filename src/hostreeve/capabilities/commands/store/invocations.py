"""Invocations and the results of their steps in the database."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.capabilities.commands.lifecycle import OPEN, sources
from hostreeve.capabilities.commands.model.command import Invocation, Step
from hostreeve.capabilities.commands.model.status import Status
from hostreeve.capabilities.commands.store.filters import Condition
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_COMMAND = "account = :account AND region = :region AND command_id = :command_id"
_KEY = f"{_COMMAND} AND node_id = :node_id"
_COLUMNS = "command_id, node_id, node_name, status, trace, requested_ms"
_LISTED = ", ".join(f"c.{column}" for column in _COLUMNS.split(", "))


def _listed(statuses: Iterable[Status]) -> str:
    """As literals: SQLite takes far longer over a list that is bound."""
    return "(" + ", ".join(f"'{status}'" for status in statuses) + ")"


_BEFORE = {status: _listed(sources(status)) for status in Status if sources(status)}
_OPEN = _listed(OPEN)


class Moved(Struct, frozen=True):
    """An invocation whose status was changed: what its tally must be told."""

    node_id: str
    was_sent: bool


def insert(tx: Transaction, scope: Scope, command_id: str, rows: Iterable[dict[str, Any]]) -> None:
    """Rows have node_id, node_name, requested_ms, status and is_sent."""
    key = {"account": scope.account, "region": scope.region, "command_id": command_id}
    tx.many(
        """INSERT INTO command_invocations (account, region, command_id, node_id, node_name, requested_ms,
                                            status, is_sent, trace)
           VALUES (:account, :region, :command_id, :node_id, :node_name, :requested_ms,
                   :status, :is_sent, '')""",
        ({**key, **row} for row in rows),
    )


def become(
    tx: Transaction, scope: Scope, command_id: str, node_id: str, *, after: Status, trace: str = ""
) -> Moved | None:
    """Change the status of an invocation that was sent. None when it is not there, or may not become that."""
    # Not RETURNING, which costs SQLite more than the change itself.
    changed = tx.run(
        f"""UPDATE command_invocations SET status = :after, trace = :trace
            WHERE {_KEY} AND status IN {_BEFORE[after]} AND is_sent = 1""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        node_id=node_id,
        after=str(after),
        # PostgreSQL's text cannot hold U+0000, and a node may say anything.
        trace=trace.replace("\x00", "\ufffd"),
    )
    return Moved(node_id, True) if changed else None


def become_all(
    tx: Transaction, scope: Scope, command_id: str, node_ids: Sequence[str], *, after: Status
) -> list[Moved]:
    """Change the status of those of the nodes' invocations that may become that."""
    if not node_ids:
        return []
    rows = tx.all(
        f"""UPDATE command_invocations SET status = :after
            WHERE {_COMMAND} AND node_id IN :node_ids AND status IN {_BEFORE[after]}
            RETURNING node_id, is_sent""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        node_ids=list(node_ids),
        after=str(after),
    )
    return [Moved(row["node_id"], bool(row["is_sent"])) for row in rows]


def mark_sent(tx: Transaction, scope: Scope, command_id: str, node_ids: Sequence[str]) -> list[str]:
    """Those of the nodes that were waiting and are not any more."""
    rows = tx.all(
        f"""UPDATE command_invocations SET is_sent = 1
            WHERE {_COMMAND} AND node_id IN :node_ids AND status = 'Pending' AND is_sent = 0
            RETURNING node_id""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        node_ids=list(node_ids),
    )
    return [row["node_id"] for row in rows]


def unsent(tx: Transaction, scope: Scope, command_id: str, node_ids: Sequence[str]) -> set[str]:
    """Those of the nodes that the command has not been handed to."""
    rows = tx.all(
        f"SELECT node_id FROM command_invocations WHERE {_COMMAND} AND node_id IN :node_ids AND is_sent = 0",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        node_ids=list(node_ids),
    )
    return {row["node_id"] for row in rows}


def waiting(tx: Transaction, scope: Scope, command_id: str, *, after: str, limit: int) -> list[str]:
    """Nodes not yet sent to, in order. All up to `after` have been: that keeps this flat, however many."""
    rows = tx.all(
        f"""SELECT node_id FROM command_invocations
            WHERE {_COMMAND} AND node_id > :after AND status = 'Pending' AND is_sent = 0
            ORDER BY node_id LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        after=after,
        limit=limit,
    )
    return [row["node_id"] for row in rows]


def unended(tx: Transaction, scope: Scope, command_id: str, *, after: str, limit: int) -> list[str]:
    rows = tx.all(
        f"""SELECT node_id FROM command_invocations
            WHERE {_COMMAND} AND node_id > :after AND status IN {_OPEN}
            ORDER BY node_id LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        after=after,
        limit=limit,
    )
    return [row["node_id"] for row in rows]


def unheard(tx: Transaction, scope: Scope, command_id: str, *, after: str, limit: int) -> list[str]:
    """Nodes that the command was sent to and that have not said that they have it."""
    rows = tx.all(
        f"""SELECT node_id FROM command_invocations
            WHERE {_COMMAND} AND node_id > :after AND status IN ('Pending', 'Delayed') AND is_sent = 1
            ORDER BY node_id LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        after=after,
        limit=limit,
    )
    return [row["node_id"] for row in rows]


def add_trace(tx: Transaction, scope: Scope, command_id: str, node_id: str, text: str) -> None:
    """Say something more about an invocation."""
    tx.run(
        f"""UPDATE command_invocations
            SET trace = CASE WHEN trace = '' THEN :text ELSE trace || :line END WHERE {_KEY}""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        node_id=node_id,
        text=text,
        line="\n" + text,
    )


def find(tx: Transaction, scope: Scope, command_id: str, node_id: str) -> Invocation | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM command_invocations WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        node_id=node_id,
    )
    return _invocation(row) if row else None


def of_command(
    tx: Transaction,
    scope: Scope,
    command_id: str,
    *,
    conditions: list[Condition],
    after: str,
    limit: int,
) -> list[Invocation]:
    """One command's invocations, by node id, behind `after`: pages cost the same however many there are."""
    where, params = _narrowed(conditions)
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM command_invocations c
            WHERE {_COMMAND} AND c.node_id > :after_node {where} ORDER BY c.node_id LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        after_node=after,
        limit=limit,
        **params,
    )
    return [_invocation(row) for row in rows]


def newest(
    tx: Transaction,
    scope: Scope,
    *,
    conditions: list[Condition],
    after: tuple[int, str, str] | None,
    limit: int,
    document_name: str | None = None,
) -> list[Invocation]:
    """Invocations of all commands, or those of a document, the newest first, behind `after` (requested_ms,
    command_id, node_id).
    """
    where, params = _narrowed(conditions)
    source, key = "command_invocations c", "c"
    if document_name is not None:
        # Commands lie by document in the order that is wanted; their invocations have the same times.
        source, key = "commands d CROSS JOIN command_invocations c", "d"
        where += """ AND d.document_name = :document_name AND c.account = d.account AND c.region = d.region
                     AND c.command_id = d.command_id"""
        params["document_name"] = document_name
    if after is not None:
        where += f""" AND {key}.requested_ms <= :after_ms AND
                      ({key}.requested_ms, {key}.command_id, c.node_id)
                      < (:after_ms, :after_id, :after_node)"""
        params |= {"after_ms": after[0], "after_id": after[1], "after_node": after[2]}
    rows = tx.all(
        f"""SELECT {_LISTED} FROM {source}
            WHERE {key}.account = :account AND {key}.region = :region {where}
            ORDER BY {key}.requested_ms DESC, {key}.command_id DESC, c.node_id DESC LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        limit=limit,
        **params,
    )
    return [_invocation(row) for row in rows]


def keep_step(tx: Transaction, scope: Scope, command_id: str, node_id: str, step: Step) -> None:
    """Store what a node said about a step. One that has ended stays as it ended, whatever arrives later."""
    said = {
        "account": scope.account,
        "region": scope.region,
        "command_id": command_id,
        "node_id": node_id,
        "step_id": step.step_id,
        "has_ended": int(step.has_ended),
        "stdout_bytes": step.stdout_bytes,
        "stderr_bytes": step.stderr_bytes,
        "result": msgspec.json.encode(step),
    }
    tx.gather(_keep_steps, said)


def _keep_steps(tx: Transaction, said: list[dict[str, Any]]) -> None:
    tx.many(
        """INSERT INTO command_steps (account, region, command_id, node_id, step_id, has_ended,
                                      stdout_bytes, stderr_bytes, result)
           VALUES (:account, :region, :command_id, :node_id, :step_id, :has_ended,
                   :stdout_bytes, :stderr_bytes, :result)
           ON CONFLICT (account, region, command_id, node_id, step_id) DO UPDATE SET
               has_ended = excluded.has_ended, stdout_bytes = excluded.stdout_bytes,
               stderr_bytes = excluded.stderr_bytes, result = excluded.result
           WHERE command_steps.has_ended = 0""",
        said,
    )


def steps(tx: Transaction, scope: Scope, command_id: str, node_id: str) -> dict[str, Step]:
    return steps_of_many(tx, scope, [(command_id, node_id)]).get((command_id, node_id), {})


def steps_of_many(
    tx: Transaction, scope: Scope, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Step]]:
    """The reported steps of each of these (command id, node id)."""
    found: dict[tuple[str, str], dict[str, Step]] = {}
    if not keys:
        return found
    wanted = set(keys)
    # Two lists select a rectangle, of which a page of one command or of one node is exactly the whole.
    rows = tx.all(
        """SELECT command_id, node_id, step_id, result FROM command_steps
           WHERE account = :account AND region = :region AND command_id IN :commands AND node_id IN :nodes""",
        account=scope.account,
        region=scope.region,
        commands=sorted({command_id for command_id, _ in keys}),
        nodes=sorted({node_id for _, node_id in keys}),
    )
    for row in rows:
        key = (row["command_id"], row["node_id"])
        if key in wanted:
            found.setdefault(key, {})[row["step_id"]] = msgspec.json.decode(row["result"], type=Step)
    return found


def _narrowed(conditions: list[Condition]) -> tuple[str, dict[str, Any]]:
    where = "".join(f" AND {sql}" for sql, _ in conditions)
    return where, {name: value for _, members in conditions for name, value in members.items()}


def _invocation(row: dict[str, Any]) -> Invocation:
    return Invocation(**{**row, "status": Status(row["status"])})
