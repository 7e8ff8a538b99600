"""The reply document an agent sends about a job: the state of its steps, in the official agent's form.

Our agent adds the member `hostreeve` with the true length of each step's streams, so that a server knows
when it has the whole output.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from hostreeve.contract import jobs

EXTENSION = "hostreeve"


class StepResult(NamedTuple):
    """A step as a reply shows it. `name` is the plugin; times are milliseconds (0: not yet).

    `stdout`, `stderr` and `output` are already cut for the wire; the lengths count all bytes the step wrote.
    """

    step_id: str
    name: str
    status: str
    code: int = 0
    stdout: str = ""
    stderr: str = ""
    output: str = ""
    started_ms: int = 0
    ended_ms: int = 0
    stdout_bytes: int = 0
    stderr_bytes: int = 0

    def described(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "code": self.code,
            "name": self.name,
            "output": self.output,
            "startDateTime": jobs.timestamp(self.started_ms),
            "endDateTime": jobs.timestamp(self.ended_ms),
            "outputS3BucketName": "",
            "outputS3KeyPrefix": "",
            "stepName": "",
            "standardOutput": self.stdout,
            "standardError": self.stderr,
        }


class AgentIdentity(NamedTuple):
    """What a reply says of the agent that wrote it."""

    name: str
    version: str
    os_name: str
    os_version: str
    language: str = "en-US"


def reply_document(
    identity: AgentIdentity,
    status: str,
    steps: Sequence[StepResult],
    *,
    now_ms: int,
    trace: str = "",
    unshown: Sequence[StepResult] = (),
) -> dict[str, Any]:
    """The reply as a JSON object. Without steps, `runtimeStatus` and the counts are null, as originally.

    Of the `unshown` steps only statuses are counted and sizes told: the official agent's final reply of a
    document with several steps shows none of them.
    """
    every = [*steps, *unshown]
    counts: dict[str, int] = {}
    for step in every:
        counts[step.status] = counts.get(step.status, 0) + 1
    return {
        "additionalInfo": {
            "agent": {
                "lang": identity.language,
                "name": identity.name,
                "os": identity.os_name,
                "osver": identity.os_version,
                "ver": identity.version,
            },
            "dateTime": jobs.timestamp(now_ms),
            "runId": "",
            "runtimeStatusCounts": counts or None,
        },
        "documentStatus": status,
        "documentTraceOutput": trace,
        "runtimeStatus": {step.step_id: step.described() for step in steps} or None,
        EXTENSION: {
            "steps": {
                step.step_id: {"stdoutBytes": step.stdout_bytes, "stderrBytes": step.stderr_bytes}
                for step in every
            }
        },
    }
