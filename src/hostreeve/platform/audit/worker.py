"""The loops that move records to where they are found, anchor the journal, and forget what is too old."""

import asyncio
from functools import partial

import msgspec

from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database
from hostreeve.platform.audit.actions import keeping, retention
from hostreeve.platform.audit.actions.hearing import Auditor
from hostreeve.platform.audit.actions.journal import Journal
from hostreeve.platform.audit.model.chain import DATABASE
from hostreeve.platform.audit.model.parts import OWN, Line
from hostreeve.platform.audit.store import chains, segments
from hostreeve.scheduling.loop import Worker

IDLE_S = 2.0
FORGET_S = 3600.0
WAIT_MS = 30_000
"""A record lies in a part after so long at the latest, and can be found from every replica."""
ENOUGH = 2048
"""…or as soon as there are so many."""


def workers(database: Database, world: World, auditor: Auditor) -> list[Worker]:
    """The workers of this slice, for `run_workers`."""
    made = [
        Worker("audit link", partial(link, database, world), idle_s=IDLE_S),
        Worker("audit forget", partial(forget, database, world, auditor), idle_s=FORGET_S),
    ]
    if auditor.journal is not None:
        shipping = Shipping(database, world, auditor, auditor.journal)
        made.append(Worker("audit ship", shipping.tick, idle_s=IDLE_S))
    return made


async def forget(database: Database, world: World, auditor: Auditor) -> int:
    """Forget what is older than what is kept, in the database and in this replica's files."""
    older_ms = world.now_ms() - retention.kept_ms()
    moved = 0
    for known in await database.read(chains.every):
        unit = partial(keeping.forget, name=known.chain, older_ms=older_ms)
        moved += await database.write_long(unit)
    journal = auditor.journal
    if journal is not None:
        known = await database.read(lambda tx: chains.find(tx, journal.name))
        await asyncio.to_thread(segments.forget, journal.folder, known.first.sequence)
    return moved


async def link(database: Database, world: World) -> int:
    """Move the rows that wait, when there are enough or they wait long enough."""
    now_ms = world.now_ms()
    unit = partial(keeping.link, now_ms=now_ms, at_least=ENOUGH, older_ms=WAIT_MS)
    if not await database.read(partial(keeping.is_due, now_ms=now_ms, at_least=ENOUGH, older_ms=WAIT_MS)):
        return 0
    return await database.write_long(unit)


class Shipping:
    """Moves a journal's lines, when there are enough or the first of them is old enough; anchors it else."""

    def __init__(self, database: Database, world: World, auditor: Auditor, journal: Journal) -> None:
        self._database = database
        self._world = world
        self._auditor, self._journal = auditor, journal
        self._since_ms: int | None = None
        self._noted = 0

    async def tick(self) -> int:
        """One bounded piece. Returns how many records it moved."""
        journal, now_ms = self._journal, self._world.now_ms()
        known = await self._database.read(lambda tx: chains.find(tx, journal.name))
        self._auditor.catch_up()
        await self._note()
        head = await asyncio.to_thread(journal.sync) if journal.is_behind else journal.head
        behind = head.sequence - known.kept_sequence if head else 0
        if head is None or behind <= 0:
            self._since_ms = None
            return 0
        if self._since_ms is None:
            self._since_ms = now_ms
        if behind < ENOUGH and now_ms - self._since_ms < WAIT_MS:
            if known.last.sequence < head.sequence:
                await self._database.write(lambda tx: keeping.anchor(tx, journal.name, head, now_ms))
            return 0
        end, made = await asyncio.to_thread(keeping.shipped, journal, known.kept_sequence)
        if end is None:
            return 0
        self._since_ms = None
        kept = known.kept_sequence
        return await self._database.write_long(
            lambda tx: keeping.ship(tx, journal.name, kept, end, made, now_ms)
        )

    async def _note(self) -> None:
        """Write down how far the database's own chain goes: the journal vouches for it, as it for the
        journal."""
        known = await self._database.read(lambda tx: chains.find(tx, DATABASE))
        if known.last.sequence > self._noted:
            self._noted = known.last.sequence
            told = {"note": "anchor", "chain": DATABASE, "sequence": known.last.sequence}
            self._journal.append(Line(OWN, msgspec.json.encode(told | {"hash": known.last.hash})))
