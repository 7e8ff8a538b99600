"""What the node link tells the capability that sent the jobs. It is handed in; this room knows no meaning."""

from typing import Any, Protocol

from hostreeve.contract.jobs import OutputChunk
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

__all__ = ["Listener", "OutputChunk"]


class Listener(Protocol):
    """Each is called inside the transaction that makes it durable; an exception undoes that one message.

    Messages of one node come in the order in which the node sent them, which is not always the order in which
    things happened (the official agent's final reply overtakes step replies), and any of them may come again:
    implementations are idempotent. Jobs nobody sent are for the implementation to ignore.
    """

    def acknowledged(self, tx: Transaction, scope: Scope, node_id: str, job_id: str, now_ms: int) -> None:
        """The job is on the node's disk. Called once per job."""
        ...

    def refused(
        self, tx: Transaction, scope: Scope, node_id: str, job_id: str, code: str, now_ms: int
    ) -> None:
        """The node will not take the job; `code` is one of the agent's (51403, 51404, 51406 …)."""
        ...

    def replied(
        self, tx: Transaction, scope: Scope, node_id: str, job_id: str, reply: dict[str, Any], now_ms: int
    ) -> None:
        """A reply document, decoded."""
        ...

    def output(
        self, tx: Transaction, scope: Scope, node_id: str, job_id: str, chunk: OutputChunk, now_ms: int
    ) -> int | None:
        """Live output of our agent. Returns how many bytes of the stream are stored now (None: all of it).

        A chunk that would leave a gap must not be stored: answer what there is, and the agent goes back.
        """
        ...
