"""Counts what a script's processes use together, which no limit of one process does, and the kernel's limit
on processes does not for root."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from hostreeve.sandbox.script import Limits

EVERY_S = 0.1
PAGE = os.sysconf("SC_PAGE_SIZE")


async def excess(root: int, limits: Limits) -> str:
    """Returns when the processes below `root` use more than `limits` allow, with a line that says what."""
    while True:
        await asyncio.sleep(EVERY_S)
        tree = list(_below(root))
        if sum(map(_threads, tree)) > limits.processes:
            return f"The script had more than {limits.processes} processes and threads."
        if sum(map(_resident, tree)) > limits.memory and sum(map(_share, tree)) > limits.memory:
            return f"The script's processes together used more than {limits.memory} bytes of memory."


def _below(process: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                yield child
                yield from _below(child)


def _threads(process: int) -> int:
    with contextlib.suppress(OSError):
        return sum(1 for _ in Path(f"/proc/{process}/task").iterdir())
    return 0


def _resident(process: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    return 0


def _share(process: int) -> int:
    """Resident memory, shared pages divided among those who share them; what may not be read counts whole."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return _resident(process)
    return 0
