"""The loop that writes down when access keys were last used."""

from functools import partial

from hostreeve.persistence.database import Database
from hostreeve.platform.identity.actions import usage
from hostreeve.scheduling.loop import Worker


def workers(database: Database) -> list[Worker]:
    """The workers of this slice, for `run_workers`."""
    return [Worker("key use", partial(tick, database), idle_s=60.0)]


async def tick(database: Database) -> int:
    """Write what was noted since the last tick; 0 always: nothing waits for more."""
    uses = usage.taken()
    if uses:
        await database.write(lambda tx: usage.write(tx, uses))
    return 0
