"""What clears the object folder: files that were dropped, and files that never got a row."""

import asyncio
from dataclasses import dataclass
from functools import partial

from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform.objects.store import contents, files
from hostreeve.scheduling.loop import Worker

GRACE_MS = 10 * 60 * 1000
"""Who got an object a moment ago may still be reading from its files."""
ORPHAN_MS = 3600 * 1000
"""An upload's file is older than its row by the time that its transaction takes: never an hour."""
BATCH = 200
SHARDS_AT_ONCE = 16


def workers(database: Database, world: World) -> list[Worker]:
    """The workers of this slice, for `run_workers`."""
    return [
        Worker("dropped objects", partial(clear, database, world), idle_s=60.0),
        Worker("orphaned objects", Sweep(database, world).tick, idle_s=3600.0),
    ]


async def clear(database: Database, world: World) -> int:
    """Delete files that were dropped long enough ago. The rows go last: after a crash it is done again."""
    before_ms = world.now_ms() - GRACE_MS
    found, held = await database.read(lambda tx: _due(tx, before_ms))
    if not found:
        return 0
    await asyncio.to_thread(files.remove, [name for name in found if name not in held])
    await database.write(lambda tx: contents.forget_dropped(tx, found, before_ms))
    return len(found)


def _due(tx: Transaction, before_ms: int) -> tuple[list[str], set[str]]:
    found = contents.dropped(tx, before_ms, BATCH)
    return found, contents.held(tx, found)


@dataclass(slots=True)
class Sweep:
    """Goes through the folder, some shards at a tick, for files that a crash or a refused request left."""

    database: Database
    world: World
    shard: int = 0

    async def tick(self) -> int:
        """Look through some shards; 0 when they were the last, so that the worker rests between rounds."""
        before_ms = self.world.now_ms() - ORPHAN_MS
        shards = files.SHARDS[self.shard : self.shard + SHARDS_AT_ONCE]
        old = await asyncio.to_thread(files.older_than, shards, before_ms)
        for start in range(0, len(old), BATCH):
            names = old[start : start + BATCH]
            held = await self.database.read(partial(_held, names=names))
            await asyncio.to_thread(files.remove, [name for name in names if name not in held])
        self.shard = (self.shard + SHARDS_AT_ONCE) % len(files.SHARDS)
        return 1 if self.shard else 0


def _held(tx: Transaction, names: list[str]) -> set[str]:
    return contents.held(tx, names)
