"""Commands and their tallies in the database."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.capabilities.commands.lifecycle import COMMAND_OPEN, Progress
from hostreeve.capabilities.commands.model.command import Command, CommandRow
from hostreeve.capabilities.commands.model.status import CommandStatus, Tally
from hostreeve.capabilities.commands.store.filters import Condition
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

COUNTED = (
    "total",
    "waiting",
    "success",
    "failed",
    "execution_timed_out",
    "delivery_timed_out",
    "never_ran",
    "cancelled",
    "terminated",
)
_FIELDS = ", ".join(COUNTED)
_VALUES = ", ".join(f":{field}" for field in COUNTED)
_SUMS = ", ".join(f"sum({field}) AS {field}" for field in COUNTED)
_KEY = "account = :account AND region = :region AND command_id = :command_id"
_OPEN = "(" + ", ".join(f"'{status}'" for status in COMMAND_OPEN) + ")"


class Standing(Struct, frozen=True, kw_only=True):
    """A command with everything the worker plans from."""

    command: Command
    status: CommandStatus
    progress: Progress
    tally: Tally
    resolved_to: str
    sent_to: str
    sweep: str
    swept_to: str
    unheard_ms: int | None
    unheard_to: str


def insert(
    tx: Transaction,
    scope: Scope,
    command: Command,
    *,
    status: str,
    due_ms: int | None,
    is_resolved: bool = True,
    unheard_ms: int | None = None,
) -> None:
    tx.run(
        """INSERT INTO commands
               (account, region, command_id, document_name, request, requested_ms, expires_ms, status,
                is_resolved, is_cancelling, resolved_to, sent_to, sweep, swept_to, due_ms, unheard_ms,
                unheard_to)
           VALUES (:account, :region, :command_id, :document_name, :request, :requested_ms, :expires_ms,
                   :status, :is_resolved, 0, '', '', '', '', :due_ms, :unheard_ms, '')""",
        account=scope.account,
        region=scope.region,
        command_id=command.command_id,
        document_name=command.document_name,
        request=msgspec.json.encode(command).decode(),
        requested_ms=command.requested_ms,
        expires_ms=command.expires_ms,
        status=status,
        is_resolved=int(is_resolved),
        due_ms=due_ms,
        unheard_ms=unheard_ms,
    )


def count(
    tx: Transaction, scope: Scope, command_id: str, changes: Mapping[str, int], *, decides: bool = False
) -> None:
    """Add to a command's tally. Nobody else's row is touched, so replies of many nodes do not race; those of
    one transaction are one row.

    `decides`: the worker should look whether something is to be done now.
    """
    tx.gather(_add, ((scope, command_id), changes, decides))


def _add(tx: Transaction, counts: list[tuple[tuple[Scope, str], Mapping[str, int], bool]]) -> None:
    sums: dict[tuple[Scope, str], dict[str, Any]] = {}
    for (scope, command_id), changes, decides in counts:
        row = sums.get((scope, command_id))
        if row is None:
            row = sums[scope, command_id] = dict.fromkeys(COUNTED, 0)
            row |= {"account": scope.account, "region": scope.region, "command_id": command_id, "is_new": 0}
        row["is_new"] |= decides
        for field, change in changes.items():
            row[field] += change
    tx.many(
        f"""INSERT INTO command_counts (account, region, command_id, {_FIELDS}, is_new)
            VALUES (:account, :region, :command_id, {_VALUES}, :is_new)""",
        sums.values(),
    )


def stirred(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Commands about which something must be decided now."""
    rows = tx.all(
        "SELECT DISTINCT account, region, command_id FROM command_counts WHERE is_new = 1 LIMIT :limit",
        limit=limit,
    )
    rows += tx.all(
        """SELECT account, region, command_id FROM commands
           WHERE due_ms IS NOT NULL AND due_ms <= :now_ms ORDER BY due_ms LIMIT :limit""",
        now_ms=now_ms,
        limit=limit,
    )
    return list(dict.fromkeys((Scope(row["account"], row["region"]), row["command_id"]) for row in rows))


def next_due_ms(tx: Transaction) -> int | None:
    """When the next command is due, or None when none is."""
    row = tx.one("SELECT due_ms FROM commands WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")
    return row["due_ms"] if row else None


def fold(tx: Transaction, scope: Scope, command_id: str, limit: int) -> bool:
    """Make one row of a command's tally of up to `limit`. True when there may be more."""
    rows = tx.all(
        f"""DELETE FROM command_counts WHERE count_id IN (
                SELECT count_id FROM command_counts WHERE {_KEY} ORDER BY count_id LIMIT :limit)
            RETURNING {_FIELDS}""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        limit=limit,
    )
    tx.run(
        f"""INSERT INTO command_counts (account, region, command_id, {_FIELDS}, is_new)
            VALUES (:account, :region, :command_id, {_VALUES}, 0)""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        **{field: sum(row[field] for row in rows) for field in COUNTED},
    )
    return len(rows) == limit


def tally(tx: Transaction, scope: Scope, command_id: str) -> Tally:
    row = tx.one(
        f"SELECT {_SUMS} FROM command_counts WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
    )
    return _tally(row or {})


def find(tx: Transaction, scope: Scope, command_id: str) -> Command | None:
    row = tx.one(
        f"SELECT request FROM commands WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
    )
    return msgspec.json.decode(row["request"], type=Command) if row else None


def row(tx: Transaction, scope: Scope, command_id: str) -> CommandRow | None:
    found = tx.one(
        f"SELECT request, status FROM commands WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
    )
    if found is None:
        return None
    command = msgspec.json.decode(found["request"], type=Command)
    return CommandRow(command=command, status=found["status"], tally=tally(tx, scope, command_id))


def find_many(tx: Transaction, scope: Scope, command_ids: set[str]) -> dict[str, Command]:
    if not command_ids:
        return {}
    rows = tx.all(
        """SELECT command_id, request FROM commands
           WHERE account = :account AND region = :region AND command_id IN :ids""",
        account=scope.account,
        region=scope.region,
        ids=sorted(command_ids),
    )
    return {row["command_id"]: msgspec.json.decode(row["request"], type=Command) for row in rows}


def standing(tx: Transaction, scope: Scope, command_id: str) -> Standing | None:
    """None when the command is not there or has ended."""
    row = tx.one(
        f"""SELECT request, status, is_resolved, is_cancelling, expires_ms,
                   resolved_to, sent_to, sweep, swept_to, unheard_ms, unheard_to
            FROM commands WHERE {_KEY} AND status IN {_OPEN}""",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
    )
    if row is None:
        return None
    command = msgspec.json.decode(row["request"], type=Command)
    return Standing(
        command=command,
        status=CommandStatus(row["status"]),
        progress=Progress(
            expires_ms=row["expires_ms"],
            max_concurrency=command.max_concurrency,
            max_errors=command.max_errors,
            is_resolved=bool(row["is_resolved"]),
            is_cancelling=bool(row["is_cancelling"]),
        ),
        tally=tally(tx, scope, command_id),
        resolved_to=row["resolved_to"],
        sent_to=row["sent_to"],
        sweep=row["sweep"],
        swept_to=row["swept_to"],
        unheard_ms=row["unheard_ms"],
        unheard_to=row["unheard_to"],
    )


def move(tx: Transaction, scope: Scope, command_id: str, **changes: Any) -> None:
    """Write how far the command has come, by column: resolved_to, sent_to, sweep, swept_to, due_ms …"""
    columns = ", ".join(f"{column} = :{column}" for column in sorted(changes))
    tx.run(
        f"UPDATE commands SET {columns} WHERE {_KEY}",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        **changes,
    )


def become(
    tx: Transaction, scope: Scope, command_id: str, *, before: tuple[CommandStatus, ...], after: CommandStatus
) -> bool:
    """Change the status. False when somebody was faster."""
    changed = tx.run(
        f"UPDATE commands SET status = :after WHERE {_KEY} AND status IN :before",
        account=scope.account,
        region=scope.region,
        command_id=command_id,
        before=[str(status) for status in before],
        after=str(after),
    )
    return changed == 1


def newest(
    tx: Transaction,
    scope: Scope,
    *,
    conditions: list[Condition],
    after: tuple[int, str] | None,
    limit: int,
    node_id: str | None = None,
) -> list[CommandRow]:
    """Commands, or those sent to a node, the newest first, behind `after` (requested_ms, command_id)."""
    where = "".join(f" AND {sql}" for sql, _ in conditions)
    params = {name: value for _, members in conditions for name, value in members.items()}
    source, key = "commands c", "c"
    if node_id is not None:
        # A node's invocations lie in the order that is wanted: a page costs the same however many there are.
        source, key = "command_invocations i CROSS JOIN commands c", "i"
        where += """ AND i.node_id = :node_id AND c.account = i.account AND c.region = i.region
                     AND c.command_id = i.command_id"""
        params["node_id"] = node_id
    if after is not None:
        where += f" AND ({key}.requested_ms, {key}.command_id) < (:after_ms, :after_id)"
        params |= {"after_ms": after[0], "after_id": after[1]}
    rows = tx.all(
        f"""SELECT c.command_id, c.request, c.status FROM {source}
            WHERE {key}.account = :account AND {key}.region = :region {where}
            ORDER BY {key}.requested_ms DESC, {key}.command_id DESC LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        limit=limit,
        **params,
    )
    tallies = _tallies(tx, scope, [row["command_id"] for row in rows])
    return [
        CommandRow(
            command=msgspec.json.decode(row["request"], type=Command),
            status=row["status"],
            tally=tallies.get(row["command_id"], Tally()),
        )
        for row in rows
    ]


def _tallies(tx: Transaction, scope: Scope, command_ids: list[str]) -> dict[str, Tally]:
    if not command_ids:
        return {}
    rows = tx.all(
        f"""SELECT command_id, {_SUMS} FROM command_counts
            WHERE account = :account AND region = :region AND command_id IN :ids GROUP BY command_id""",
        account=scope.account,
        region=scope.region,
        ids=command_ids,
    )
    return {row["command_id"]: _tally(row) for row in rows}


def _tally(row: Mapping[str, Any]) -> Tally:
    return Tally(**{field: int(row.get(field) or 0) for field in COUNTED})
