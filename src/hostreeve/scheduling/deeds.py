"""Doing what is due, each row in a transaction of its own: one that fails is put off, nobody waits for it.

A row that fails and stays due would be tried again at once, without end, and before all that come later.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from hostreeve.persistence.database import Database, Transaction

RETRY_MS = 60_000
"""When a row that failed is tried again."""


class Deed(NamedTuple):
    """`do` moves one row. `put_off` makes it due at the time that it is given, should that fail; without it
    the row waits for the worker's next look."""

    do: Callable[[Transaction], Any]
    put_off: Callable[[Transaction, int], Any] | None = None


def deeds(
    rows: Iterable[Sequence[Any]],
    names: Sequence[str],
    do: Callable[..., Any],
    put_off: Callable[..., Any] | None = None,
) -> list[Deed]:
    """A deed for each row, whose columns both functions are given by these names."""
    found = []
    for row in rows:
        named = dict(zip(names, row, strict=True))
        found.append(Deed(partial(do, **named), partial(put_off, **named) if put_off else None))
    return found


async def do_all(
    database: Database, deeds: Sequence[Deed], *, now_ms: int, log: logging.Logger, what: str
) -> int:
    """Do them side by side; how many rows are due no more, those included that were put off.

    `what` says in the log what could not be done. Errors of putting off come out: nothing can be written.
    """
    outcomes: list[Any] = await asyncio.gather(
        *(database.write(deed.do) for deed in deeds), return_exceptions=True
    )
    stay = 0
    for deed, outcome in zip(deeds, outcomes, strict=True):
        if not isinstance(outcome, BaseException):
            continue
        log.error(what, exc_info=outcome)
        if deed.put_off is None:
            stay += 1
        else:
            await database.write(partial(_put_off, deed.put_off, now_ms + RETRY_MS))
    return len(outcomes) - stay


def _put_off(put_off: Callable[[Transaction, int], Any], until_ms: int, tx: Transaction) -> None:
    put_off(tx, until_ms)
