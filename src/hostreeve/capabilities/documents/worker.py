"""What makes documents ready whose attachments have to be fetched first."""

import asyncio
from dataclasses import dataclass

from hostreeve.api.call import Sealer
from hostreeve.capabilities.documents.actions.changing import CHANNEL
from hostreeve.capabilities.documents.actions.fetching import Fetcher
from hostreeve.capabilities.documents.store import documents
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database
from hostreeve.scheduling.loop import Worker

BATCH = 10


def workers(database: Database, world: World, keys: Sealer) -> list[Worker]:
    """The workers of this slice, for `run_workers`."""
    tick = _Tick(database, Fetcher(database, world, keys))
    return [Worker("attachments of documents", tick, wakes_on=(CHANNEL,), idle_s=15.0)]


@dataclass(frozen=True, slots=True)
class _Tick:
    database: Database
    fetcher: Fetcher

    async def __call__(self) -> int:
        due = await self.database.read(lambda tx: documents.creating(tx, BATCH))
        ends = await asyncio.gather(*map(self.fetcher.conclude, due), return_exceptions=True)
        # One that fails does not keep the others waiting; the loop tells of it and tries again later.
        for failure in (end for end in ends if isinstance(end, BaseException)):
            raise failure
        return len(due)
