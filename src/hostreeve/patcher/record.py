"""What runs leave for later ones: which packages wait for a restart, which run a restart cut in two."""

import json
import os
from typing import Any, Dict, List, NamedTuple, Tuple

from hostreeve.patcher.model import Identity

RUN_MS_MAX = 86_400_000
"""A run that was not taken up within a day is another one."""


class Waiting(NamedTuple):
    """A version that was installed and waits for a restart. `boot`: the start of the machine it came in."""

    name: str
    arch: str
    version: str
    boot: str
    installed_ms: int


class Record(NamedTuple):
    """`run`: key of the run that is under way, empty when none is; `restarts`: how many it has asked for;
    `run_boot`: the start of the machine in which it asked last."""

    waiting: Tuple[Waiting, ...] = ()
    last_without_restart_ms: int = 0
    run: str = ""
    run_ms: int = 0
    restarts: int = 0
    snapshot_id: str = ""
    run_boot: str = ""

    def since(self, boot: str) -> "Record":
        """Without the versions that a restart has put into use."""
        return self._replace(waiting=tuple(each for each in self.waiting if each.boot == boot))

    def pending(self) -> Dict[Identity, str]:
        return {(each.name, each.arch): each.version for each in self.waiting}

    def resumed(self, run: str, now_ms: int) -> "Record":
        """With what is known of this run, when it was begun before a restart; as of a new run otherwise."""
        if self.run == run and 0 <= now_ms - self.run_ms < RUN_MS_MAX:
            return self
        return self._replace(run=run, run_ms=now_ms, restarts=0, snapshot_id="", run_boot="")

    def with_intended(self, wanted: List[Waiting]) -> "Record":
        """With versions that are about to be installed. Written first, so that a run that is cut off leaves
        word of what it may have installed."""
        names = {(each.name, each.arch) for each in wanted}
        kept = tuple(each for each in self.waiting if (each.name, each.arch) not in names)
        return self._replace(waiting=kept + tuple(wanted))

    def standing(self, there: Dict[Identity, str]) -> "Record":
        """Without versions that are not there (any more, or never came)."""
        kept = tuple(each for each in self.waiting if there.get((each.name, each.arch)) == each.version)
        return self._replace(waiting=kept)

    def ended(self) -> "Record":
        return self._replace(run="", run_ms=0, restarts=0, snapshot_id="", run_boot="")


def read(folder: str) -> Record:
    """Of the folder; empty when there is none or it cannot be understood (a full disk cut it off)."""
    try:
        with open(_path(folder), encoding="utf-8") as file:
            found: Any = json.load(file)
        waiting = tuple(Waiting(*each) for each in found.pop("waiting"))
        return Record(waiting=waiting, **found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Record()


def write(folder: str, record: Record) -> None:
    """On disk before it returns; never half. OSError when it cannot be."""
    fresh = _path(folder) + ".new"
    with open(fresh, "w", encoding="utf-8") as file:
        json.dump(record._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, _path(folder))


def _path(folder: str) -> str:
    return os.path.join(folder, "record.json")
