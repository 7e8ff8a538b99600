"""Executions, the runbooks that they run, their targets that wait, and the tokens that began them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.capabilities.automations.lifecycle import EXECUTION_MAY_BECOME
from hostreeve.capabilities.automations.model.execution import Asked, Execution, State
from hostreeve.capabilities.automations.model.status import Status, Tally
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
_KEY = f"{_SCOPED} AND execution_id = :execution_id"
_COUNTS = ("total", "begun", "success", "failed", "timed_out", "cancelled")
_COLUMNS = (
    "account, region, execution_id, status, current_action, asked, state, holds_slot, started_ms, ended_ms,"
    f" due_ms, {', '.join(_COUNTS)}"
)
_asked = msgspec.json.Decoder(Asked)
_state = msgspec.json.Decoder(State)
_encode = msgspec.json.Encoder().encode


def insert(tx: Transaction, one: Execution) -> None:
    group = next((t["Values"][0] for t in one.asked.targets if t["Key"] == "ResourceGroup"), "")
    tx.run(
        f"INSERT INTO automation_executions ({_COLUMNS}, document_name, parent_id, resource_group,"
        " is_cross_account)"
        " VALUES (:account, :region, :execution_id, :status, :current_action, :asked, :state, :holds_slot,"
        " :started_ms, :ended_ms, :due_ms, :total, :begun, :success, :failed, :timed_out, :cancelled,"
        " :document_name, :parent_id, :resource_group, :is_cross_account)",
        account=one.account,
        region=one.region,
        execution_id=one.execution_id,
        status=str(one.status),
        current_action=one.current_action,
        asked=_encode(one.asked).decode(),
        state=_encode(one.state).decode(),
        holds_slot=one.holds_slot,
        started_ms=one.started_ms,
        ended_ms=one.ended_ms,
        due_ms=one.due_ms,
        document_name=one.asked.document_name,
        parent_id=one.asked.parent_id,
        resource_group=group,
        is_cross_account=int(bool(one.asked.locations)),
        **msgspec.structs.asdict(one.tally),
    )


def find(tx: Transaction, scope: Scope, execution_id: str) -> Execution | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM automation_executions WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
    )
    return execution_of(row) if row else None


def save(tx: Transaction, before: Execution, after: Execution) -> bool:
    """Write where it stands now. False when its status may not become that, or somebody was faster."""
    if after.status is not before.status and after.status not in EXECUTION_MAY_BECOME[before.status]:
        return False
    return bool(
        tx.run(
            "UPDATE automation_executions SET status = :status, state = :state, holds_slot = :holds_slot,"
            " current_action = :current_action, ended_ms = :ended_ms, due_ms = :due_ms"
            f" WHERE {_KEY} AND status = :before",
            account=after.account,
            region=after.region,
            execution_id=after.execution_id,
            status=str(after.status),
            state=_encode(after.state).decode(),
            holds_slot=after.holds_slot,
            current_action=after.current_action,
            ended_ms=after.ended_ms,
            due_ms=after.due_ms,
            before=str(before.status),
        )
    )


def make_due(tx: Transaction, scope: Scope, execution_id: str, due_ms: int | None) -> None:
    """When to look at it again. No effect on one that has ended."""
    tx.run(
        f"UPDATE automation_executions SET due_ms = :due_ms WHERE {_KEY} AND ended_ms IS NULL",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        due_ms=due_ms,
    )


def count(tx: Transaction, scope: Scope, execution_id: str, member: str, by: int, due_ms: int) -> None:
    """Add to a count of children, and look at the execution at that time."""
    assert member in _COUNTS, f"{member} is no count"
    tx.run(
        f"UPDATE automation_executions SET {member} = {member} + :by, due_ms = :due_ms"
        f" WHERE {_KEY} AND ended_ms IS NULL",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        by=by,
        due_ms=due_ms,
    )


def due(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    rows = tx.all(
        "SELECT account, region, execution_id FROM automation_executions"
        " WHERE due_ms IS NOT NULL AND due_ms <= :now_ms ORDER BY due_ms LIMIT :limit",
        now_ms=now_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["execution_id"]) for row in rows]


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM automation_executions WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def running(tx: Transaction, scope: Scope, at_most: int) -> int:
    """How many executions count as running; no more than `at_most` are counted."""
    row = tx.one(
        "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM automation_executions"
        f" WHERE {_SCOPED} AND holds_slot = 1 LIMIT :at_most) AS found",
        account=scope.account,
        region=scope.region,
        at_most=at_most,
    )
    return int(row["n"]) if row else 0


def queued(tx: Transaction, scope: Scope, limit: int) -> list[str]:
    """Those that wait for room, the longest waiting first."""
    rows = tx.all(
        f"SELECT execution_id FROM automation_executions WHERE {_SCOPED} AND status = 'Pending'"
        " ORDER BY started_ms, execution_id LIMIT :limit",
        account=scope.account,
        region=scope.region,
        limit=limit,
    )
    return [row["execution_id"] for row in rows]


def open_children(tx: Transaction, scope: Scope, parent_id: str, limit: int) -> list[Execution]:
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM automation_executions"
        f" WHERE {_SCOPED} AND parent_id = :parent_id AND parent_id <> '' AND ended_ms IS NULL"
        " AND status <> 'Cancelling' ORDER BY started_ms LIMIT :limit",
        account=scope.account,
        region=scope.region,
        parent_id=parent_id,
        limit=limit,
    )
    return [execution_of(row) for row in rows]


def newest(
    tx: Transaction,
    scope: Scope,
    conditions: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    after: tuple[int, str] | None,
    limit: int,
) -> list[Execution]:
    """The newest first, behind `after` (started_ms, execution_id). Conditions are of `filters`."""
    where = ""
    given: dict[str, Any] = {}
    for sql, params in conditions:
        where += f" AND {sql}"
        given.update(params)
    if after is not None:
        where += " AND (started_ms, execution_id) < (:after_ms, :after_id)"
        given.update(after_ms=after[0], after_id=after[1])
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM automation_executions WHERE {_SCOPED}{where}"
        " ORDER BY started_ms DESC, execution_id DESC LIMIT :limit",
        account=scope.account,
        region=scope.region,
        limit=limit,
        **given,
    )
    return [execution_of(row) for row in rows]


def keep_runbook(tx: Transaction, scope: Scope, hash_: str, body: str) -> None:
    tx.run(
        "INSERT INTO automation_runbooks (account, region, hash, body)"
        " VALUES (:account, :region, :hash, :body) ON CONFLICT (account, region, hash) DO NOTHING",
        account=scope.account,
        region=scope.region,
        hash=hash_,
        body=body,
    )


def runbook(tx: Transaction, scope: Scope, hash_: str) -> str:
    row = tx.one(
        f"SELECT body FROM automation_runbooks WHERE {_SCOPED} AND hash = :hash",
        account=scope.account,
        region=scope.region,
        hash=hash_,
    )
    assert row is not None, f"the runbook {hash_} of an execution is gone"
    return str(row["body"])


def insert_targets(tx: Transaction, scope: Scope, execution_id: str, targets: Sequence[Any]) -> None:
    tx.many(
        "INSERT INTO automation_targets (account, region, execution_id, number, target)"
        " VALUES (:account, :region, :execution_id, :number, :target)",
        (
            {
                "account": scope.account,
                "region": scope.region,
                "execution_id": execution_id,
                "number": number,
                "target": _encode(target).decode(),
            }
            for number, target in enumerate(targets)
        ),
    )


def targets(tx: Transaction, scope: Scope, execution_id: str, since: int, limit: int) -> list[Any]:
    """From number `since` on."""
    rows = tx.all(
        f"SELECT target FROM automation_targets WHERE {_KEY} AND number >= :since"
        " ORDER BY number LIMIT :limit",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        since=since,
        limit=limit,
    )
    return [msgspec.json.decode(row["target"]) for row in rows]


def find_token(tx: Transaction, scope: Scope, token: str) -> tuple[str, str] | None:
    """What was asked with a token, and the execution that it began."""
    row = tx.one(
        f"SELECT asked, execution_id FROM automation_tokens WHERE {_SCOPED} AND token = :token",
        account=scope.account,
        region=scope.region,
        token=token,
    )
    return (row["asked"], row["execution_id"]) if row else None


def keep_token(tx: Transaction, one: Execution, token: str, asked: str) -> None:
    tx.run(
        "INSERT INTO automation_tokens (account, region, token, asked, execution_id, created_ms)"
        " VALUES (:account, :region, :token, :asked, :execution_id, :created_ms)",
        account=one.account,
        region=one.region,
        token=token,
        asked=asked,
        execution_id=one.execution_id,
        created_ms=one.started_ms,
    )


def execution_of(row: Mapping[str, Any]) -> Execution:
    return Execution(
        account=row["account"],
        region=row["region"],
        execution_id=row["execution_id"],
        status=Status(row["status"]),
        asked=_asked.decode(row["asked"]),
        state=_state.decode(row["state"]),
        current_action=row["current_action"],
        holds_slot=bool(row["holds_slot"]),
        tally=Tally(**{member: row[member] for member in _COUNTS}),
        started_ms=row["started_ms"],
        ended_ms=row["ended_ms"],
        due_ms=row["due_ms"],
    )
