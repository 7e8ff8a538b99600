"""What nodes say, made durable: messages of all channels in order of arrival, many in one transaction."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.messaging import frames, store
from hostreeve.messaging.hub import Channel
from hostreeve.messaging.listener import Listener
from hostreeve.persistence.database import Database, Transaction
from hostreeve.persistence.errors import ConstraintViolation, StoreError, UnitFailed

BATCH_MAX = 1000
BATCH_BYTES_MAX = 8 * 1024 * 1024
WAITING_MAX = 20_000
WAITING_BYTES_MAX = 64 * 1024 * 1024
REMEMBERED_MAX = 10_000
"""Message ids of replies that are durable; the official agent repeats a reply under its old id."""

log = logging.getLogger("hostreeve.messaging")

_TAKEN = (wire.ACK_SUCCESSFUL, wire.ACK_DUPLICATE)
_NO_ROOM = (wire.ACK_BUFFER_FULL, wire.ACK_CLOSED)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, the channel it came over, and the size of its frame."""

    channel: Channel
    message: frames.Received
    size_bytes: int

    @property
    def known_as(self) -> tuple[Scope, str, str]:
        """Nodes make up the ids of their messages, so an id means something within its node only."""
        return self.channel.scope, self.channel.node_id, self.message.message_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What the node is told once the message is on disk. `offset` is for output."""

    arrival: Arrival
    offset: int = 0


class Intake:
    """`put` from every channel; one task applies the arrivals and answers after the commit.

    `has_room` is told a node for which jobs are waiting, and that can take one more now.
    """

    def __init__(
        self,
        database: Database,
        world: World,
        listener: Listener,
        counts: Counter[str],
        has_room: Callable[[str], None],
    ) -> None:
        self._has_room = has_room
        self._database = database
        self._world = world
        self._listener = listener
        self._counts = counts
        self._waiting: list[Arrival] = []
        self._waiting_bytes = 0
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._remembered: dict[tuple[Scope, str, str], None] = {}

    def put(self, arrival: Arrival) -> None:
        if arrival.known_as in self._remembered:
            self._counts["replies repeated"] += 1
            self._answer([Answer(arrival)])
            return
        body = arrival.message.body
        if isinstance(body, frames.Ack) and body.code in _NO_ROOM:
            arrival.channel.crowded = True
        self._waiting.append(arrival)
        self._waiting_bytes += arrival.size_bytes
        self._something.set()
        if len(self._waiting) >= WAITING_MAX or self._waiting_bytes >= WAITING_BYTES_MAX:
            self._room.clear()

    @property
    def is_full(self) -> bool:
        return not self._room.is_set()

    async def room(self) -> None:
        """Returns when the intake can take more. Channels stop reading until then."""
        await self._room.wait()

    async def run(self) -> None:
        while True:
            await self._something.wait()
            batch = self._batch()
            await self._apply(batch)
            if not self._waiting:
                self._something.clear()

    def _batch(self) -> list[Arrival]:
        size_bytes = 0
        count = 0
        for arrival in self._waiting[:BATCH_MAX]:
            count += 1
            size_bytes += arrival.size_bytes
            if size_bytes >= BATCH_BYTES_MAX:
                break
        batch = self._waiting[:count]
        del self._waiting[:count]
        self._waiting_bytes -= size_bytes
        if len(self._waiting) < WAITING_MAX // 2 and self._waiting_bytes < WAITING_BYTES_MAX // 2:
            self._room.set()
        return batch

    async def _apply(self, batch: list[Arrival]) -> None:
        """Apply a batch; one message that cannot be applied is found by halving, and dropped alone."""
        while True:
            now_ms = self._world.now_ms()
            outcome = await attempt(
                self._database.write(lambda tx: apply(tx, self._listener, batch, now_ms))  # noqa: B023
            )
            if not isinstance(outcome, BaseException):
                self._answer(outcome)
                for node_id in {each.channel.node_id for each in batch if _makes_room(each)}:
                    self._has_room(node_id)
                return
            if isinstance(outcome, StoreError) and not isinstance(outcome, (ConstraintViolation, UnitFailed)):
                log.error("the store refuses what nodes reported; trying again", exc_info=outcome)
                await asyncio.sleep(1.0)
                continue
            if len(batch) > 1:
                await self._apply(batch[: len(batch) // 2])
                await self._apply(batch[len(batch) // 2 :])
                return
            self._counts["messages failed"] += 1
            log.error("a message of %s cannot be applied", batch[0].channel.node_id, exc_info=outcome)
            return

    def _answer(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            body = answer.arrival.message.body
            if isinstance(body, wire.OutputChunk):
                answer.arrival.channel.write(frames.output_ack(body, answer.offset, self._world))
            elif isinstance(body, frames.Reply):
                self._remembered[answer.arrival.known_as] = None
                message_id = answer.arrival.message.message_id
                answer.arrival.channel.write(frames.reply_ack(body.job_id, message_id, self._world))
        while len(self._remembered) > REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]


def apply(tx: Transaction, listener: Listener, batch: Sequence[Arrival], now_ms: int) -> list[Answer]:
    """Apply messages in order within one transaction. Returns what to answer after the commit."""
    taken = _taken(tx, batch)
    answers: list[Answer] = []
    for arrival in batch:
        channel, body = arrival.channel, arrival.message.body
        scope, node_id = channel.scope, channel.node_id
        if isinstance(body, frames.Ack):
            _acknowledge(tx, listener, channel, body, taken=taken, now_ms=now_ms)
        elif isinstance(body, wire.OutputChunk):
            stored = listener.output(tx, scope, node_id, body.job_id, body, now_ms)
            answers.append(Answer(arrival, body.offset + len(body.chunk) if stored is None else stored))
        else:
            # A cancel's own job is replied to as well: that says nothing of a command.
            if not body.topic.startswith(wire.TOPIC_CANCEL):
                listener.replied(tx, scope, node_id, body.job_id, body.document, now_ms)
            answers.append(Answer(arrival))
    for arrival in batch:
        if _makes_room(arrival):
            store.end_rest(tx, arrival.channel.scope, arrival.channel.node_id, now_ms)
    return answers


def _makes_room(arrival: Arrival) -> bool:
    """Our agent queues what it acknowledges on its disk; the official one holds ten jobs until one ends."""
    channel, body = arrival.channel, arrival.message.body
    if not channel.crowded:
        return False
    if channel.extended:
        return isinstance(body, frames.Ack) and body.code in _TAKEN
    return isinstance(body, frames.Reply) and body.document.get("documentStatus") in wire.TERMINAL_STATUSES


def _taken(tx: Transaction, batch: Sequence[Arrival]) -> set[str]:
    """Remove the jobs that their nodes have on disk now; the ids of those that were still in the mailbox."""
    acknowledged: dict[Scope, list[str]] = {}
    for arrival in batch:
        body = arrival.message.body
        if isinstance(body, frames.Ack) and body.code in _TAKEN:
            acknowledged.setdefault(arrival.channel.scope, []).append(body.job_id)
    taken: set[str] = set()
    for scope, job_ids in acknowledged.items():
        taken |= store.delete_jobs(tx, scope, job_ids)
    return taken


def _acknowledge(
    tx: Transaction, listener: Listener, channel: Channel, ack: frames.Ack, *, taken: set[str], now_ms: int
) -> None:
    if ack.code in _TAKEN:
        if ack.job_id in taken:
            taken.discard(ack.job_id)
            listener.acknowledged(tx, channel.scope, channel.node_id, ack.job_id, now_ms)
    elif ack.code in _NO_ROOM:
        store.rest(tx, channel.scope, ack.job_id, now_ms)
    elif store.delete_jobs(tx, channel.scope, [ack.job_id]):
        listener.refused(tx, channel.scope, channel.node_id, ack.job_id, ack.code, now_ms)


async def attempt(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of the work, or the exception that it ended with."""
    outcome: Any
    (outcome,) = await asyncio.gather(work, return_exceptions=True)
    return outcome
