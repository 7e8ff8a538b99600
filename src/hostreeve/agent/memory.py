"""What the journal says of the jobs: which there are, how far each is, which are over."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from hostreeve.agent.document import Document, read
from hostreeve.agent.execution import Execution, Progress
from hostreeve.agent.journal import Journal, Record
from hostreeve.agent.log import Log
from hostreeve.agent.results import outcome_of
from hostreeve.contract import jobs

FINISHED_MAX = 4_096
"""Jobs that are over and still recognised when they come again; the oldest are forgotten first."""


class Job:
    """A job that is not over. `position` is its record in the journal; `boot` is set once it has begun."""

    def __init__(
        self, job_id: str, position: int, *, stream_output: bool, expires_ms: int, boot: str
    ) -> None:
        self.job_id, self.position = job_id, position
        self.stream_output, self.expires_ms, self.boot = stream_output, expires_ms, boot
        self.is_cancelled = self.is_heard = self.is_closed = False
        self.progress = Progress()
        self.execution: Optional[Execution] = None
        self.steps_followed = self.steps_reported = 0
        self.unstarted: Optional[Tuple[str, str]] = None
        """Status and reason, for a job that ended without any step."""


class Remembered(NamedTuple):
    """The jobs that are not over, and those that are: id -> when, in milliseconds."""

    jobs: List[Job]
    finished: Dict[str, int]


def document_in(content: str) -> "Tuple[Dict[str, Any], Document]":
    """The command in a job's content, and its document. ValueError when it cannot be run."""
    command = jobs.object_in(content)
    return command, read(command.get("DocumentContent"), command.get("Parameters"))


def checked_id(job_id: Any) -> str:
    """A job id whose command can name a folder. ValueError when it cannot."""
    if not isinstance(job_id, str):
        raise ValueError("a job id must be text")
    if set(jobs.command_id_of(job_id)) & set("/\0"):
        raise ValueError(f"no command has the id of {job_id!r}")
    return job_id


def recall(journal: Journal, log: Log) -> Remembered:
    """Read the journal from its beginning."""
    records, damaged = journal.replay()
    if damaged:
        log.warning(f"the journal has {damaged} damaged record(s), left out")
    found: Dict[str, Job] = {}
    finished: Dict[str, int] = {}
    for position, record in records:
        try:
            _recall_one(position, record, found, finished)
        except (KeyError, TypeError, ValueError) as wrong:
            log.warning(f"the journal has a record that makes no sense, left out: {wrong!r}")
    return Remembered([job for job in found.values() if not job.is_closed], finished)


def compact(journal: Journal, live: List[Job], finished: Dict[str, int]) -> None:
    """Write the journal anew: live jobs as they are, and the ids of those that are over."""
    for job_id in sorted(finished, key=lambda each: finished[each])[:-FINISHED_MAX]:
        del finished[job_id]
    records: List[Record] = [{"k": "done", "id": job_id, "at": at} for job_id, at in finished.items()]
    firsts: List[int] = []
    for job in live:
        firsts.append(len(records))
        records += _records_of(job, journal)
    positions = journal.rewrite(records)
    for index, job in enumerate(live):
        job.position = positions[firsts[index]]


def remove_folder(folder: Path) -> None:
    """Remove a command's folder with its steps' folders."""
    # Bottom up, never through a link: a script may have left one here.
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            with contextlib.suppress(OSError):
                Path(parent, name).unlink()
        for name in folders:
            with contextlib.suppress(OSError):
                Path(parent, name).rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _recall_one(position: int, record: Record, found: Dict[str, Job], finished: Dict[str, int]) -> None:
    kind, job_id = record["k"], checked_id(record["id"])
    if kind == "done":
        finished[job_id] = int(record["at"])
        found.pop(job_id, None)
        return
    if kind == "job":
        found[job_id] = Job(
            job_id,
            position,
            stream_output=bool(record["stream"]),
            expires_ms=int(record["expires"]),
            boot=str(record["boot"]),
        )
        return
    job = found.get(job_id)
    if job is None:
        return
    if kind == "begun":
        job.boot = record["boot"]
    elif kind == "cancel":
        job.is_cancelled = True
    elif kind == "heard":
        job.is_heard = True
    else:
        _recall_progress(kind, record, job.progress)


def _recall_progress(kind: str, record: Record, progress: Progress) -> None:
    if kind == "part" and record["n"] == len(progress.outcomes):
        progress.part, progress.restart_asked_in = record["part"], ""
    elif kind == "reboot" and record["n"] == len(progress.outcomes):
        progress.restart_asked_in = record["boot"]
    elif kind == "result" and record["n"] == len(progress.outcomes):
        progress.outcomes.append(outcome_of(record))
        progress.part, progress.restart_asked_in = -1, ""


def _records_of(job: Job, journal: Journal) -> List[Record]:
    first = {**journal.read(job.position), "boot": job.boot}
    records: List[Record] = [first]
    progress = job.progress
    reached = len(progress.outcomes)
    for index, outcome in enumerate(progress.outcomes):
        records.append({"k": "result", "id": job.job_id, "n": index, **outcome.record()})
    if progress.part >= 0:
        records.append({"k": "part", "id": job.job_id, "n": reached, "part": progress.part})
    if progress.restart_asked_in:
        boot = progress.restart_asked_in
        records.append({"k": "reboot", "id": job.job_id, "n": reached, "boot": boot})
    if job.is_cancelled:
        records.append({"k": "cancel", "id": job.job_id})
    if job.is_heard:
        records.append({"k": "heard", "id": job.job_id})
    return records
