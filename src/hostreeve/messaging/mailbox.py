"""Mailboxes: what waits for a node until it has it on its own disk.

Everything here is part of the caller's transaction: a job is in the mailbox exactly when the caller's
own rows say that it was sent for delivery.
"""

from collections.abc import Iterable, Sequence

from hostreeve.kernel.scope import Scope
from hostreeve.messaging import store
from hostreeve.messaging.model import Job
from hostreeve.persistence.database import Transaction

__all__ = [
    "CHANNEL",
    "MAILBOX",
    "Job",
    "drop_content",
    "forget_node",
    "hang_up",
    "keep_content",
    "post",
    "posted_after",
    "withdraw",
]

MAILBOX = "mailbox"
"""The bus channel on which a node's id says that its mailbox changed."""

CHANNEL = "channel"
"""The bus channel on which a node's id says that its control channel may have lost its right."""


def keep_content(tx: Transaction, content_id: str, content: str, expires_ms: int = 0) -> None:
    """Store what many jobs carry, once. Keeping it again changes nothing.

    It is removed by `drop_content`, or some time after `expires_ms` (0: never by itself).
    """
    store.keep_content(tx, content_id, content, expires_ms)


def drop_content(tx: Transaction, content_id: str) -> None:
    """No job needs this content any more; jobs that still name it are never delivered."""
    store.drop_content(tx, content_id)


def post(tx: Transaction, scope: Scope, jobs: Sequence[Job], now_ms: int) -> None:
    """Put jobs into their nodes' mailboxes. One that is already there stays as it is."""
    store.insert_jobs(tx, scope, jobs, now_ms)
    for job in jobs:
        tx.wake(MAILBOX, job.node_id)


def withdraw(tx: Transaction, scope: Scope, job_ids: Iterable[str]) -> set[str]:
    """Take back those jobs that were not sent, or that their node had no room for. Returns their ids."""
    return store.delete_waiting(tx, scope, job_ids)


def posted_after(tx: Transaction, scope: Scope, job_ids: Iterable[str], after_ms: int) -> set[str]:
    """Those of the jobs that have been in their mailbox since a later moment than that."""
    return store.posted_after(tx, scope, job_ids, after_ms)


def forget_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    """The node is gone for good: empty its mailbox, and let whoever holds its channel close it."""
    store.delete_node(tx, scope, node_id)
    tx.wake(CHANNEL, node_id)


def hang_up(tx: Transaction, account: str) -> None:
    """The account is closed: whoever holds a channel of its nodes closes it."""
    for node_id in store.close_account(tx, account):
        tx.wake(CHANNEL, node_id)
