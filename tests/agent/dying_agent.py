"""The agent, killed by itself at one write to its journal: before it, in the middle of it, or after it.

python dying_agent.py WRITE MOMENT run --state DIR
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from hostreeve.agent.journal import Journal, _written
from hostreeve.agent.main import main

WRITE, MOMENT = int(sys.argv[1]), sys.argv[2]


def dying(journal: Journal, record: dict[str, Any], *, durable: bool = False) -> int:
    """In place of Journal.append."""
    global WRITE
    WRITE -= 1
    if WRITE == 0 and MOMENT == "torn":
        line = _written(record)
        os.write(journal._file.fileno(), line[: len(line) // 2])
    if WRITE == 0 and MOMENT != "after":
        os.kill(os.getpid(), signal.SIGKILL)
    position = append(journal, record, durable=durable)
    if WRITE == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return position


append = Journal.append
Journal.append = dying  # type: ignore[method-assign,assignment]
sys.exit(main(sys.argv[3:]))
