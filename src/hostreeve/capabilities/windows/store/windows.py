"""Windows, their registered targets and tasks, and the answers of requests with a ClientToken."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from hostreeve.capabilities.windows.model.window import Target, Task, Window
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
_KEY = f"{_SCOPED} AND window_id = :window_id"


class WindowRow(NamedTuple):
    """A window, when it opens next, and when that was reckoned."""

    window: Window
    due_ms: int | None
    reckoned_ms: int


def insert(tx: Transaction, scope: Scope, window: Window, *, due_ms: int | None, now_ms: int) -> None:
    tx.run(
        "INSERT INTO windows (account, region, window_id, name, is_enabled, body, due_ms, reckoned_ms)"
        " VALUES (:account, :region, :window_id, :name, :is_enabled, :body, :due_ms, :now_ms)",
        due_ms=due_ms,
        now_ms=now_ms,
        **_columns(scope, window),
    )


def replace(tx: Transaction, scope: Scope, window: Window, *, due_ms: int | None, reckoned_ms: int) -> None:
    tx.run(
        "UPDATE windows SET name = :name, is_enabled = :is_enabled, body = :body, due_ms = :due_ms,"
        f" reckoned_ms = :reckoned_ms WHERE {_KEY}",
        due_ms=due_ms,
        reckoned_ms=reckoned_ms,
        **_columns(scope, window),
    )


def _columns(scope: Scope, window: Window) -> dict[str, Any]:
    return {
        "account": scope.account,
        "region": scope.region,
        "window_id": window.window_id,
        "name": window.name,
        "is_enabled": int(window.is_enabled),
        "body": msgspec.json.encode(window).decode(),
    }


def delete(tx: Transaction, scope: Scope, window_id: str) -> bool:
    """The window with its targets and tasks; its history stays."""
    for table in ("window_targets", "window_tasks"):
        tx.run(f"DELETE FROM {table} WHERE {_KEY}", **_of(scope, window_id))
    return bool(tx.run(f"DELETE FROM windows WHERE {_KEY}", **_of(scope, window_id)))


def find(tx: Transaction, scope: Scope, window_id: str) -> WindowRow | None:
    row = tx.one(f"SELECT body, due_ms, reckoned_ms FROM windows WHERE {_KEY}", **_of(scope, window_id))
    return _row(row) if row else None


def count(tx: Transaction, scope: Scope) -> int:
    row = tx.one(f"SELECT count(*) AS n FROM windows WHERE {_SCOPED}", **_in(scope))
    return int(row["n"]) if row else 0


def listed(
    tx: Transaction,
    scope: Scope,
    *,
    names: Sequence[str] | None = None,
    enabled: Sequence[int] | None = None,
    after: str,
    limit: int,
) -> list[WindowRow]:
    """Windows behind `after`, by id, narrowed by name and by whether they are enabled (0, 1)."""
    where = (" AND name IN :names" if names is not None else "") + (
        " AND is_enabled IN :enabled" if enabled is not None else ""
    )
    given = {name: values for name, values in (("names", names), ("enabled", enabled)) if values is not None}
    rows = tx.all(
        f"SELECT body, due_ms, reckoned_ms FROM windows WHERE {_SCOPED} AND window_id > :after{where}"
        " ORDER BY window_id LIMIT :limit",
        **_in(scope),
        after=after,
        limit=limit,
        **given,
    )
    return [_row(row) for row in rows]


def due(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Windows whose time has come."""
    rows = tx.all(
        "SELECT account, region, window_id FROM windows"
        " WHERE due_ms IS NOT NULL AND due_ms <= :now_ms ORDER BY due_ms LIMIT :limit",
        now_ms=now_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["window_id"]) for row in rows]


def reckoned_after(tx: Transaction, at_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Windows whose next time was reckoned later than that: under a clock that has jumped back since."""
    rows = tx.all(
        "SELECT account, region, window_id FROM windows WHERE reckoned_ms > :at_ms LIMIT :limit",
        at_ms=at_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["window_id"]) for row in rows]


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT due_ms FROM windows WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def reckon(
    tx: Transaction, scope: Scope, window_id: str, *, seen_ms: int | None, due_ms: int | None, now_ms: int
) -> bool:
    """Write when it opens next, if that still is `seen_ms`: who comes second changes nothing."""
    is_seen = "due_ms = :seen_ms" if seen_ms is not None else "due_ms IS NULL"
    return bool(
        tx.run(
            f"UPDATE windows SET due_ms = :due_ms, reckoned_ms = :now_ms WHERE {_KEY} AND {is_seen}",
            **_of(scope, window_id),
            due_ms=due_ms,
            now_ms=now_ms,
            **({"seen_ms": seen_ms} if seen_ms is not None else {}),
        )
    )


def put_off(tx: Transaction, until_ms: int, *, scope: Scope, window_id: str) -> None:
    """It could not be opened: somebody tries again then."""
    tx.run(
        f"UPDATE windows SET due_ms = :until_ms WHERE {_KEY} AND due_ms IS NOT NULL",
        **_of(scope, window_id),
        until_ms=until_ms,
    )


def keep_target(tx: Transaction, scope: Scope, window_id: str, target: Target) -> None:
    """Insert or change a registered target."""
    _keep(tx, scope, window_id, "target", target.target_id, target)


def keep_task(tx: Transaction, scope: Scope, window_id: str, task: Task) -> None:
    """Insert or change a registered task."""
    _keep(tx, scope, window_id, "task", task.task_id, task)


def _keep(
    tx: Transaction, scope: Scope, window_id: str, kind: str, its_id: str, value: Target | Task
) -> None:
    tx.run(
        f"INSERT INTO window_{kind}s (account, region, window_id, {kind}_id, body)"
        " VALUES (:account, :region, :window_id, :its_id, :body)"
        f" ON CONFLICT (account, region, window_id, {kind}_id) DO UPDATE SET body = excluded.body",
        **_of(scope, window_id),
        its_id=its_id,
        body=msgspec.json.encode(value).decode(),
    )


def targets(
    tx: Transaction, scope: Scope, window_id: str, *, after: str = "", limit: int = 10_000
) -> list[Target]:
    rows = tx.all(
        f"SELECT body FROM window_targets WHERE {_KEY} AND target_id > :after"
        " ORDER BY target_id LIMIT :limit",
        **_of(scope, window_id),
        after=after,
        limit=limit,
    )
    return [msgspec.json.decode(row["body"], type=Target) for row in rows]


def tasks(
    tx: Transaction, scope: Scope, window_id: str, *, after: str = "", limit: int = 10_000
) -> list[Task]:
    rows = tx.all(
        f"SELECT body FROM window_tasks WHERE {_KEY} AND task_id > :after ORDER BY task_id LIMIT :limit",
        **_of(scope, window_id),
        after=after,
        limit=limit,
    )
    return [msgspec.json.decode(row["body"], type=Task) for row in rows]


def find_target(tx: Transaction, scope: Scope, window_id: str, target_id: str) -> Target | None:
    row = tx.one(
        f"SELECT body FROM window_targets WHERE {_KEY} AND target_id = :target_id",
        **_of(scope, window_id),
        target_id=target_id,
    )
    return msgspec.json.decode(row["body"], type=Target) if row else None


def find_task(tx: Transaction, scope: Scope, window_id: str, task_id: str) -> Task | None:
    row = tx.one(
        f"SELECT body FROM window_tasks WHERE {_KEY} AND task_id = :task_id",
        **_of(scope, window_id),
        task_id=task_id,
    )
    return msgspec.json.decode(row["body"], type=Task) if row else None


def remove(tx: Transaction, scope: Scope, window_id: str, kind: str, its_id: str) -> bool:
    """Forget a registered target or task (`kind`)."""
    return bool(
        tx.run(
            f"DELETE FROM window_{kind}s WHERE {_KEY} AND {kind}_id = :its_id",
            **_of(scope, window_id),
            its_id=its_id,
        )
    )


def answered(tx: Transaction, scope: Scope, operation: str, token: str) -> tuple[str, dict[str, Any]] | None:
    """What was asked with this token, and what was answered."""
    row = tx.one(
        f"SELECT asked, answer FROM window_tokens WHERE {_SCOPED} AND operation = :operation"
        " AND token = :token",
        **_in(scope),
        operation=operation,
        token=token,
    )
    return (row["asked"], msgspec.json.decode(row["answer"])) if row else None


def keep_answer(
    tx: Transaction,
    scope: Scope,
    operation: str,
    token: str,
    *,
    asked: str,
    answer: dict[str, Any],
    now_ms: int,
) -> None:
    tx.run(
        "INSERT INTO window_tokens (account, region, operation, token, asked, answer, created_ms)"
        " VALUES (:account, :region, :operation, :token, :asked, :answer, :now_ms)",
        **_in(scope),
        operation=operation,
        token=token,
        asked=asked,
        answer=msgspec.json.encode(answer).decode(),
        now_ms=now_ms,
    )


def forget_answers(tx: Transaction, before_ms: int, limit: int) -> int:
    """Drop up to `limit` answers that are older."""
    old = tx.all(
        "SELECT account, region, operation, token FROM window_tokens"
        " WHERE created_ms < :before_ms ORDER BY created_ms LIMIT :limit",
        before_ms=before_ms,
        limit=limit,
    )
    tx.many(f"DELETE FROM window_tokens WHERE {_SCOPED} AND operation = :operation AND token = :token", old)
    return len(old)


def _row(row: dict[str, Any]) -> WindowRow:
    return WindowRow(msgspec.json.decode(row["body"], type=Window), row["due_ms"], row["reckoned_ms"])


def _in(scope: Scope) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region}


def _of(scope: Scope, window_id: str) -> dict[str, Any]:
    return {**_in(scope), "window_id": window_id}
