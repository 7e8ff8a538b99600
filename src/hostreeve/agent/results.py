"""How steps ended, as the journal keeps it and as a reply tells it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from hostreeve.agent.document import EXIT_SUCCESS_AND_STOP, Ended
from hostreeve.agent.output import STREAM_CHARACTERS_MAX, combined, cut
from hostreeve.contract import jobs
from hostreeve.contract.replies import AgentIdentity, StepResult, reply_document


class Outcome(NamedTuple):
    """A step's end. `text` stands for output when nothing ran; `trouble` is said after what was written."""

    ended: Ended
    started_ms: int
    ended_ms: int
    text: str = ""
    trouble: str = ""

    def record(self) -> Dict[str, Any]:
        return {
            "status": self.ended.status,
            "code": self.ended.code,
            "out": self.ended.stdout_note,
            "err": self.ended.stderr_note,
            "from": self.started_ms,
            "to": self.ended_ms,
            "text": self.text,
            "trouble": self.trouble,
        }


def outcome_of(record: Dict[str, Any]) -> Outcome:
    """The outcome that `record` described. KeyError when it did not."""
    return Outcome(
        Ended(record["status"], record["code"], record["out"], record["err"]),
        record["from"],
        record["to"],
        record["text"],
        record["trouble"],
    )


Shown = Tuple[Tuple[str, str], Outcome, str]
"""A step for a reply: (id, action), how it ended, the folder with what it wrote."""


def step_result(step: Tuple[str, str], outcome: Outcome, folder: str, *, limit: int) -> StepResult:
    """`step` is (id, action); `folder` holds what it wrote; each stream is cut to `limit` characters."""
    ended = outcome.ended
    stdout, stdout_bytes = _beginning(f"{folder}/stdout", limit)
    stderr, stderr_bytes = _beginning(f"{folder}/stderr", limit)
    if outcome.trouble:
        stderr = stderr + ("\n" if stderr else "") + outcome.trouble
    if ended.code == EXIT_SUCCESS_AND_STOP and ended.status == jobs.SUCCESS and not ended.stderr_note:
        # The official agent shows no errors of a step that ended with 168.
        stderr = ""
    is_failure = ended.status == jobs.FAILED
    return StepResult(
        step_id=step[0],
        name=step[1],
        status=ended.status,
        code=ended.code or (1 if is_failure else 0),
        stdout=cut(stdout + ended.stdout_note, limit),
        stderr=cut((outcome.text if is_failure else "") + stderr + ended.stderr_note, limit),
        output=outcome.text or combined(stdout, stderr),
        started_ms=outcome.started_ms,
        ended_ms=outcome.ended_ms,
        stdout_bytes=stdout_bytes,
        stderr_bytes=stderr_bytes,
    )


def reply_content(
    identity: AgentIdentity,
    status: str,
    steps: List[Shown],
    *,
    now_ms: int,
    trace: str = "",
    unshown: Sequence[Shown] = (),
) -> str:
    """The reply as JSON text that fits into a reply frame; of the `unshown` steps only counts and sizes."""
    limit = STREAM_CHARACTERS_MAX
    others = [step_result(*each, limit=0) for each in unshown]
    while True:
        results = [step_result(*each, limit=limit) for each in steps]
        document = reply_document(identity, status, results, now_ms=now_ms, trace=trace, unshown=others)
        content = jobs.to_json(document).decode("ascii")
        # The content is escaped once more in its frame; characters beyond ASCII take six there.
        if (
            limit < 100
            or len(content) + content.count('"') + content.count("\\") < jobs.REPLY_BYTES_MAX - 1_000
        ):
            return content
        limit //= 2


def _beginning(path: str, characters: int) -> Tuple[str, int]:
    """The first characters of a file (one more than asked: are there more?), and its size in bytes."""
    try:
        with Path(path).open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            beginning = file.read((characters + 1) * 4)
    except OSError:
        return "", 0
    return beginning.decode("utf-8", errors="replace")[: characters + 1], size_bytes
