"""The loops that make the accounts that were asked for, and close those that are to be closed."""

from functools import partial

from hostreeve.api.call import Sealer
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database
from hostreeve.platform.organizations.actions import asking, membership
from hostreeve.scheduling.loop import Worker

BATCH = 20
"""Accounts made in one transaction; each is some fifteen rows and a sealed key."""


def workers(database: Database, world: World, keys: Sealer) -> list[Worker]:
    """The workers of this slice, for `run_workers`."""
    tick_accounts = partial(tick, database, world, keys)
    return [Worker("accounts", tick_accounts, wakes_on=(asking.CHANNEL,), idle_s=60.0)]


async def tick(database: Database, world: World, keys: Sealer) -> int:
    """Make a batch of accounts, close another; answers how many. Nothing is written when nothing is due."""
    if not await database.read(lambda tx: membership.is_due(tx, world)):
        return 0
    made = await database.write(lambda tx: asking.fulfil(tx, keys, world, BATCH))
    return made + await database.write(lambda tx: membership.settle(tx, world, BATCH))
