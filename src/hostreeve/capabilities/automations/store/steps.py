"""The steps of executions."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.capabilities.automations.lifecycle import STEP_MAY_BECOME
from hostreeve.capabilities.automations.model.execution import Done, StepRow
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
_KEY = f"{_SCOPED} AND execution_id = :execution_id"
_COLUMNS = (
    "number, step_execution_id, name, action, status, loop_id, iteration, iterator_value, body, started_ms,"
    " ended_ms"
)
_body = msgspec.json.Decoder(Done)
_encode = msgspec.json.Encoder().encode


def insert(tx: Transaction, scope: Scope, execution_id: str, rows: Sequence[StepRow]) -> None:
    tx.many(
        f"INSERT INTO automation_steps (account, region, execution_id, {_COLUMNS})"
        " VALUES (:account, :region, :execution_id, :number, :step_execution_id, :name, :action, :status,"
        " :loop_id, :iteration, :iterator_value, :body, :started_ms, :ended_ms)",
        [
            {
                "account": scope.account,
                "region": scope.region,
                "execution_id": execution_id,
                **msgspec.structs.asdict(row),
                "status": str(row.status),
                "body": _encode(row.body).decode(),
            }
            for row in rows
        ],
    )


def find(tx: Transaction, scope: Scope, execution_id: str, number: int) -> StepRow | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM automation_steps WHERE {_KEY} AND number = :number",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        number=number,
    )
    return _row(row) if row else None


def named(tx: Transaction, scope: Scope, execution_id: str, name: str) -> StepRow | None:
    """The step of that name; of one in a loop, the newest that has begun, else the newest."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM automation_steps WHERE {_KEY} AND name = :name"
        " ORDER BY CASE WHEN started_ms IS NULL THEN 1 ELSE 0 END, number DESC LIMIT 1",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        name=name,
    )
    return _row(row) if row else None


def save(tx: Transaction, scope: Scope, execution_id: str, before: StepRow, after: StepRow) -> bool:
    """Write a step. False when its status may not become that, or somebody was faster."""
    if after.status is not before.status and after.status not in STEP_MAY_BECOME[before.status]:
        return False
    return bool(
        tx.run(
            "UPDATE automation_steps SET status = :status, body = :body, started_ms = :started_ms,"
            f" ended_ms = :ended_ms WHERE {_KEY} AND number = :number AND status = :before",
            account=scope.account,
            region=scope.region,
            execution_id=execution_id,
            number=after.number,
            status=str(after.status),
            body=_encode(after.body).decode(),
            started_ms=after.started_ms,
            ended_ms=after.ended_ms,
            before=str(before.status),
        )
    )


def listed(
    tx: Transaction,
    scope: Scope,
    execution_id: str,
    conditions: Sequence[tuple[str, Mapping[str, Any]]] = (),
    *,
    after: int | None = None,
    limit: int,
    is_reversed: bool = False,
) -> list[StepRow]:
    """In the order of their numbers, or the other way round, behind number `after`."""
    where = ""
    given: dict[str, Any] = {}
    for sql, params in conditions:
        where += f" AND {sql}"
        given.update(params)
    if after is not None:
        where += f" AND number {'<' if is_reversed else '>'} :after"
        given["after"] = after
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM automation_steps WHERE {_KEY}{where}"
        f" ORDER BY number {'DESC' if is_reversed else 'ASC'} LIMIT :limit",
        account=scope.account,
        region=scope.region,
        execution_id=execution_id,
        limit=limit,
        **given,
    )
    return [_row(row) for row in rows]


def _row(row: Mapping[str, Any]) -> StepRow:
    return StepRow(
        number=row["number"],
        step_execution_id=row["step_execution_id"],
        name=row["name"],
        action=row["action"],
        status=Status(row["status"]),
        loop_id=row["loop_id"],
        iteration=row["iteration"],
        iterator_value=row["iterator_value"],
        body=_body.decode(row["body"]),
        started_ms=row["started_ms"],
        ended_ms=row["ended_ms"],
    )
