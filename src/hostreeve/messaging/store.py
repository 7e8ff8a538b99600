"""All SQL of the node link: contents, jobs, channels, replicas."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.messaging.model import (
    BEAT_FRESH_MS,
    BUSY_MAX_MS,
    BUSY_STEP_MS,
    CANCELS_IN_FLIGHT_MAX,
    CLOCK_JUMP_MS,
    EXPIRED_KEPT_MS,
    IN_FLIGHT_MAX,
    Connection,
    Delivery,
    Job,
    resend_after_ms,
)
from hostreeve.persistence.database import Transaction

CHUNK = 500
"""Ids in one statement: what bounds the work between two of them."""

_CANCEL = wire.TOPIC_CANCEL + "%"

_SCOPED = "account = :account AND region = :region"


def keep_content(tx: Transaction, content_id: str, content: str, expires_ms: int) -> None:
    tx.run(
        "INSERT INTO mailbox_contents (content_id, content, expires_ms)"
        " VALUES (:content_id, :content, :expires_ms) ON CONFLICT (content_id) DO NOTHING",
        content_id=content_id,
        content=content,
        expires_ms=expires_ms,
    )


def drop_content(tx: Transaction, content_id: str) -> None:
    tx.run("DELETE FROM mailbox_contents WHERE content_id = :content_id", content_id=content_id)


def contents(tx: Transaction, content_ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for ids in _chunks(content_ids):
        sql = "SELECT content_id, content FROM mailbox_contents WHERE content_id IN :ids"
        found.update((row["content_id"], row["content"]) for row in tx.all(sql, ids=ids))
    return found


def insert_jobs(tx: Transaction, scope: Scope, jobs: Iterable[Job], now_ms: int) -> None:
    tx.many(
        "INSERT INTO mailbox_jobs (account, region, node_id, job_id, topic, content_id, extra, state, epoch,"
        " attempts, posted_ms, due_ms, expires_ms) VALUES (:account, :region, :node_id, :job_id, :topic,"
        " :content_id, :extra, 'waiting', 0, 0, :now_ms, :now_ms, :expires_ms)"
        " ON CONFLICT (account, region, job_id) DO NOTHING",
        (
            {
                "account": scope.account,
                "region": scope.region,
                "node_id": job.node_id,
                "job_id": job.job_id,
                "topic": job.topic,
                "content_id": job.content_id,
                "extra": job.extra,
                "now_ms": now_ms,
                "expires_ms": job.expires_ms,
            }
            for job in jobs
        ),
    )


def delete_waiting(tx: Transaction, scope: Scope, job_ids: Iterable[str]) -> set[str]:
    return _delete_jobs(tx, scope, job_ids, "AND state = 'waiting'")


def delete_jobs(tx: Transaction, scope: Scope, job_ids: Iterable[str]) -> set[str]:
    """Deletes those of the jobs that exist. Returns their ids without those of cancels, which nobody follows:
    what became of a cancelled command, its own job's replies say."""
    return _delete_jobs(tx, scope, job_ids, "", told=wire.TOPIC_SEND)


def _delete_jobs(
    tx: Transaction, scope: Scope, job_ids: Iterable[str], condition: str, *, told: str = ""
) -> set[str]:
    """The ids of the jobs that were deleted and whose topic starts with `told`."""
    gone: set[str] = set()
    sql = f"DELETE FROM mailbox_jobs WHERE {_SCOPED} AND job_id IN :ids {condition} RETURNING job_id, topic"
    for ids in _chunks(job_ids):
        rows = tx.all(sql, account=scope.account, region=scope.region, ids=ids)
        gone.update(row["job_id"] for row in rows if row["topic"].startswith(told))
    return gone


def posted_after(tx: Transaction, scope: Scope, job_ids: Iterable[str], after_ms: int) -> set[str]:
    found: set[str] = set()
    sql = f"SELECT job_id FROM mailbox_jobs WHERE {_SCOPED} AND job_id IN :ids AND posted_ms > :after_ms"
    for ids in _chunks(job_ids):
        rows = tx.all(sql, account=scope.account, region=scope.region, ids=ids, after_ms=after_ms)
        found.update(row["job_id"] for row in rows)
    return found


def is_cancel(tx: Transaction, scope: Scope, job_id: str) -> bool:
    """Whether the job, still in the mailbox, cancels another."""
    row = tx.one(
        f"SELECT topic FROM mailbox_jobs WHERE {_SCOPED} AND job_id = :job_id AND node_id = :node_id",
        account=scope.account,
        region=scope.region,
        job_id=job_id,
        node_id=wire.node_id_of(job_id),
    )
    return row is not None and row["topic"].startswith(wire.TOPIC_CANCEL)


def delete_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    """Everything that waits for the node, and its channel's right to deliver."""
    where = f"WHERE {_SCOPED} AND node_id = :node_id"
    members = {"account": scope.account, "region": scope.region, "node_id": node_id}
    tx.run(f"DELETE FROM mailbox_jobs {where}", **members)
    tx.run(f"UPDATE node_channels SET is_open = 0, epoch = epoch + 1 {where}", **members)


def close_account(tx: Transaction, account: str) -> list[str]:
    """No channel of the account's nodes, in whatever Region, has a right to deliver; the ids of those that
    were open."""
    rows = tx.all(
        "UPDATE node_channels SET is_open = 0, epoch = epoch + 1 WHERE account = :account AND is_open = 1"
        " RETURNING node_id",
        account=account,
    )
    return [row["node_id"] for row in rows]


def rest(tx: Transaction, scope: Scope, job_id: str, now_ms: int) -> None:
    """The node had no room for the job: it waits again, longer each time."""
    tx.run(
        "UPDATE mailbox_jobs SET state = 'waiting', due_ms = :now_ms"
        " + CASE WHEN attempts * :step_ms > :max_ms THEN :max_ms ELSE attempts * :step_ms END"
        f" WHERE {_SCOPED} AND job_id = :job_id",
        account=scope.account,
        region=scope.region,
        job_id=job_id,
        now_ms=now_ms,
        step_ms=BUSY_STEP_MS,
        max_ms=BUSY_MAX_MS,
    )


class Claimed(NamedTuple):
    """What may be sent now, in order, and the nodes for which more is waiting until they have room."""

    deliveries: list[Delivery]
    crowded: set[str]


def claim(
    tx: Transaction, scope: Scope, epochs: Mapping[str, int], *, now_ms: int, visible_ms: int = 0
) -> Claimed:
    """Mark as sent what may be sent now to these nodes over channels of these epochs.

    A job sent over an older channel is due again at once; one sent over this channel, when its rest is over.
    `visible_ms` replaces that rest (message polling has its own).
    """
    heads = list(_heads(tx, scope, epochs, now_ms))
    due = [row for row in heads if _is_due(row, epochs[row["node_id"]], now_ms)]
    crowded = _crowded(heads, now_ms)
    marks = []
    for row in due:
        row["attempts"] += 1
        rest_ms = visible_ms or resend_after_ms(row["attempts"])
        marks.append(
            {
                "account": scope.account,
                "region": scope.region,
                "job_id": row["job_id"],
                "epoch": epochs[row["node_id"]],
                "attempts": row["attempts"],
                "due_ms": now_ms + rest_ms,
            }
        )
    if marks:
        tx.many(
            "UPDATE mailbox_jobs SET state = 'sent', epoch = :epoch, attempts = :attempts, due_ms = :due_ms"
            f" WHERE {_SCOPED} AND job_id = :job_id",
            marks,
        )
    return Claimed([_delivery(row) for row in due], crowded)


def _crowded(heads: Iterable[Mapping[str, Any]], now_ms: int) -> set[str]:
    """Nodes that hold as much as they may, or that had no room for a job that rests now."""
    jobs = Counter(row["node_id"] for row in heads if not row["is_cancel"])
    full = {node_id for node_id, count in jobs.items() if count >= IN_FLIGHT_MAX}
    return full | {
        row["node_id"]
        for row in heads
        if row["state"] == "waiting" and row["attempts"] and row["due_ms"] > now_ms
    }


def end_rest(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> None:
    """The node has room for one more: the oldest job for which it had none is due now."""
    tx.run(
        f"UPDATE mailbox_jobs SET due_ms = :now_ms WHERE {_SCOPED} AND job_id = (SELECT job_id"
        f" FROM mailbox_jobs WHERE {_SCOPED} AND node_id = :node_id AND state = 'waiting' AND attempts > 0"
        " AND due_ms > :now_ms ORDER BY posted_ms, job_id LIMIT 1)",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        now_ms=now_ms,
    )


def has_due(tx: Transaction, scope: Scope, epochs: Mapping[str, int], now_ms: int) -> bool:
    """Whether `claim` would find something."""
    heads = _heads(tx, scope, epochs, now_ms)
    return any(_is_due(row, epochs[row["node_id"]], now_ms) for row in heads)


def _heads(tx: Transaction, scope: Scope, node_ids: Iterable[str], now_ms: int) -> Iterator[dict[str, Any]]:
    """The oldest living jobs of each node, no more than may be in flight; cancels are counted apart."""
    for ids in _chunks(node_ids):
        sql = (
            "SELECT * FROM (SELECT node_id, job_id, topic, content_id, extra, state, epoch, attempts,"
            " posted_ms, due_ms, expires_ms, CASE WHEN topic LIKE :cancel THEN 1 ELSE 0 END AS is_cancel,"
            " ROW_NUMBER() OVER (PARTITION BY node_id, CASE WHEN topic LIKE :cancel THEN 1 ELSE 0 END"
            f" ORDER BY posted_ms, job_id) AS place FROM mailbox_jobs WHERE {_SCOPED}"
            f" AND node_id IN :ids AND expires_ms > :now_ms) heads"
            " WHERE place <= CASE WHEN is_cancel = 1 THEN :cancels ELSE :jobs END"
            " ORDER BY posted_ms, is_cancel, job_id"
        )
        yield from tx.all(
            sql,
            account=scope.account,
            region=scope.region,
            now_ms=now_ms,
            cancel=_CANCEL,
            cancels=CANCELS_IN_FLIGHT_MAX,
            jobs=IN_FLIGHT_MAX,
            ids=ids,
        )


def _is_due(row: Mapping[str, Any], epoch: int, now_ms: int) -> bool:
    if row["state"] == "sent" and row["epoch"] != epoch:
        return True
    return bool(row["due_ms"] <= now_ms or row["due_ms"] > now_ms + CLOCK_JUMP_MS)


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        node_id=row["node_id"],
        job_id=row["job_id"],
        topic=row["topic"],
        content_id=row["content_id"],
        extra=row["extra"],
        expires_ms=row["expires_ms"],
        attempts=row["attempts"],
        posted_ms=row["posted_ms"],
    )


def nodes_due(tx: Transaction, now_ms: int, limit: int) -> list[str]:
    """Nodes with a job whose time to be sent (again) has come; at most `limit` rows are looked at."""
    rows = tx.all(
        "SELECT DISTINCT node_id FROM (SELECT node_id FROM mailbox_jobs WHERE due_ms <= :now_ms"
        " ORDER BY due_ms LIMIT :limit) due",
        now_ms=now_ms,
        limit=limit,
    )
    return [row["node_id"] for row in rows]


def nodes_with_jobs(tx: Transaction, scope: Scope, node_ids: Iterable[str]) -> list[str]:
    found: list[str] = []
    for ids in _chunks(node_ids):
        sql = f"SELECT DISTINCT node_id FROM mailbox_jobs WHERE {_SCOPED} AND node_id IN :ids"
        found += (row["node_id"] for row in tx.all(sql, account=scope.account, region=scope.region, ids=ids))
    return found


def sweep(tx: Transaction, now_ms: int) -> None:
    """Remove what expired some time ago."""
    tx.run("DELETE FROM mailbox_jobs WHERE expires_ms <= :before_ms", before_ms=now_ms - EXPIRED_KEPT_MS)
    tx.run(
        "DELETE FROM mailbox_contents WHERE expires_ms > 0 AND expires_ms <= :before_ms",
        before_ms=now_ms - EXPIRED_KEPT_MS,
    )
    tx.run(
        "DELETE FROM replicas WHERE beat_ms <= :before_ms"
        " AND NOT EXISTS (SELECT 1 FROM node_channels c WHERE c.replica = replicas.replica)",
        before_ms=now_ms - 100 * BEAT_FRESH_MS,
    )


def open_channel(tx: Transaction, scope: Scope, node_id: str, replica: str, now_ms: int) -> int:
    """This replica holds the node's channel from now on. Returns the channel's epoch."""
    row = tx.one(
        "INSERT INTO node_channels (account, region, node_id, replica, epoch, is_open, opened_ms, seen_ms)"
        " VALUES (:account, :region, :node_id, :replica, 1, 1, :now_ms, :now_ms)"
        " ON CONFLICT (account, region, node_id) DO UPDATE SET replica = excluded.replica,"
        " epoch = node_channels.epoch + 1, is_open = 1, opened_ms = excluded.opened_ms,"
        " seen_ms = excluded.seen_ms RETURNING epoch",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        replica=replica,
        now_ms=now_ms,
    )
    assert row is not None, "an upsert returns its row"
    return int(row["epoch"])


def close_channels(tx: Transaction, closed: Sequence[tuple[Scope, str, int]], now_ms: int) -> None:
    """Channels `(scope, node_id, epoch)` ended; one that was superseded meanwhile stays as it is."""
    tx.many(
        "UPDATE node_channels SET is_open = 0, seen_ms = :now_ms"
        f" WHERE {_SCOPED} AND node_id = :node_id AND epoch = :epoch",
        [
            {
                "account": scope.account,
                "region": scope.region,
                "node_id": node_id,
                "epoch": epoch,
                "now_ms": now_ms,
            }
            for scope, node_id, epoch in closed
        ],
    )


def current_epochs(tx: Transaction, scope: Scope, node_ids: Iterable[str]) -> dict[str, int]:
    """The epochs of open channels."""
    found: dict[str, int] = {}
    for ids in _chunks(node_ids):
        sql = f"SELECT node_id, epoch FROM node_channels WHERE {_SCOPED} AND is_open = 1 AND node_id IN :ids"
        rows = tx.all(sql, account=scope.account, region=scope.region, ids=ids)
        found.update((row["node_id"], row["epoch"]) for row in rows)
    return found


def connections(tx: Transaction, scope: Scope, node_ids: Iterable[str], now_ms: int) -> dict[str, Connection]:
    found: dict[str, Connection] = {}
    for ids in _chunks(node_ids):
        sql = (
            f"SELECT node_id, open_beat_ms, seen_ms FROM node_connections WHERE {_SCOPED} AND node_id IN :ids"
        )
        for row in tx.all(sql, account=scope.account, region=scope.region, ids=ids):
            is_open = row["open_beat_ms"] > now_ms - BEAT_FRESH_MS
            found[row["node_id"]] = Connection(row["node_id"], is_open, row["seen_ms"])
    return found


def is_open(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> bool:
    found = connections(tx, scope, [node_id], now_ms).get(node_id)
    return found is not None and found.is_open


def beat(tx: Transaction, replica: str, now_ms: int, *, stopped: bool = False) -> None:
    tx.run(
        "INSERT INTO replicas (replica, beat_ms, stopped) VALUES (:replica, :now_ms, :stopped)"
        " ON CONFLICT (replica) DO UPDATE SET beat_ms = excluded.beat_ms, stopped = excluded.stopped",
        replica=replica,
        now_ms=now_ms,
        stopped=int(stopped),
    )


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    every = list(values)
    for start in range(0, len(every), CHUNK):
        yield every[start : start + CHUNK]
