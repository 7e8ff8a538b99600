"""What waits for nodes, sent over the channels of this process: one task for all of them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.messaging import frames, store
from hostreeve.messaging.hub import Hub
from hostreeve.messaging.intake import attempt
from hostreeve.messaging.model import Delivery
from hostreeve.persistence.database import Database, Transaction

NODES_MAX = 500
"""Nodes served by one transaction."""

CONTENTS_KEPT = 128
_STALE = "another connection holds this node's channel, or the node or its account is gone"
DUE_LOOKED_AT = 2_000

log = logging.getLogger("hostreeve.messaging")


@dataclass(slots=True)
class Load:
    """What one transaction claimed: deliveries, contents not known yet, channels that lost their right."""

    deliveries: list[tuple[int, Delivery]] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    stale: dict[str, int] = field(default_factory=dict)
    crowded: set[str] = field(default_factory=set)
    """Nodes for which more is waiting until they have room."""


class Courier:
    """`wake(node_id)` when something may wait for it: a hint too many costs a look, one too few, seconds."""

    def __init__(self, database: Database, world: World, hub: Hub, counts: Counter[str]) -> None:
        self._database = database
        self._world = world
        self._hub = hub
        self._counts = counts
        self._awake: dict[str, None] = {}
        self._something = asyncio.Event()
        self._contents: dict[str, bytes] = {}

    def wake(self, node_id: str) -> None:
        if self._hub.get(node_id) is not None:
            self._awake[node_id] = None
            self._something.set()

    async def poll(self) -> None:
        """Find jobs whose hint was lost or whose time to be sent again has come."""
        now_ms = self._world.now_ms()
        due = await self._database.read_long(lambda tx: store.nodes_due(tx, now_ms, DUE_LOOKED_AT))
        # So many due jobs mostly wait for nodes that are away: look from the side of those that are here.
        for node_id in due if len(due) < DUE_LOOKED_AT // 2 else [each.node_id for each in self._hub]:
            self.wake(node_id)

    async def verify(self) -> None:
        """Close the channels that have lost their right and were not told."""
        held: dict[Scope, dict[str, int]] = {}
        for channel in self._hub:
            held.setdefault(channel.scope, {})[channel.node_id] = channel.epoch
        for scope, epochs in held.items():
            for node_id, epoch in (await self._database.read_long(partial(stale, scope, epochs))).items():
                self._close(node_id, epoch)

    async def run(self) -> None:
        while True:
            await self._something.wait()
            nodes = list(self._awake)[:NODES_MAX]
            outcome = await attempt(self._serve(nodes))
            if isinstance(outcome, BaseException):
                log.error("mailboxes cannot be read; trying again", exc_info=outcome)
                await asyncio.sleep(1.0)
            if not self._awake:
                self._something.clear()

    async def _serve(self, node_ids: list[str]) -> None:
        wanted: dict[Scope, dict[str, int]] = {}
        for node_id in node_ids:
            self._awake.pop(node_id, None)
            channel = self._hub.get(node_id)
            if channel is not None and channel.is_open:
                wanted.setdefault(channel.scope, {})[node_id] = channel.epoch
        if not wanted:
            return
        known = frozenset(self._contents)
        now_ms = self._world.now_ms()
        load = await self._database.write(lambda tx: claim(tx, wanted, known, now_ms))
        for epochs in wanted.values():
            for node_id in epochs:
                channel = self._hub.get(node_id)
                if channel is not None:
                    channel.crowded = node_id in load.crowded
        self._keep_contents(load.contents)
        for epoch, delivery in load.deliveries:
            self._send(epoch, delivery)
        for node_id, epoch in load.stale.items():
            self._close(node_id, epoch)

    def _close(self, node_id: str, epoch: int) -> None:
        """The channel has lost its right, unless it is another one meanwhile."""
        channel = self._hub.get(node_id)
        if channel is not None and channel.epoch == epoch:
            channel.close(1008, _STALE)

    def _send(self, epoch: int, delivery: Delivery) -> None:
        channel = self._hub.get(delivery.node_id)
        content = self._contents.get(delivery.content_id)
        if content is None:
            self._counts["jobs without content"] += 1
        elif channel is not None and channel.epoch == epoch:
            self._counts["jobs sent"] += 1
            channel.write(frames.job(delivery, content, self._world, extended=channel.extended))

    def _keep_contents(self, contents: Mapping[str, str]) -> None:
        for content_id, content in contents.items():
            self._contents[content_id] = frames.json_text(content)
        while len(self._contents) > CONTENTS_KEPT + len(contents):
            del self._contents[next(iter(self._contents))]


def claim(
    tx: Transaction, wanted: Mapping[Scope, Mapping[str, int]], known: frozenset[str], now_ms: int
) -> Load:
    """Claim what may be sent over these channels (node id to epoch), as far as their epoch is the newest."""
    load = Load()
    for scope, epochs in wanted.items():
        lost = stale(scope, epochs, tx)
        mine = {node_id: epoch for node_id, epoch in epochs.items() if node_id not in lost}
        load.stale.update(lost)
        claimed, crowded = store.claim(tx, scope, mine, now_ms=now_ms)
        load.deliveries += ((mine[each.node_id], each) for each in claimed)
        load.crowded |= crowded
    needed = {each.content_id for _, each in load.deliveries} - known
    load.contents = store.contents(tx, needed)
    return load


def stale(scope: Scope, epochs: Mapping[str, int], tx: Transaction) -> dict[str, int]:
    """Those of the channels (node id to epoch) that are not the newest of their node, or have no right."""
    current = store.current_epochs(tx, scope, epochs)
    return {node_id: epoch for node_id, epoch in epochs.items() if current.get(node_id) != epoch}
