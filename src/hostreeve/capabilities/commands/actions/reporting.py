"""What nodes report of their commands: each message a few statements, however many nodes the command has."""

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hostreeve.capabilities.commands.actions import moving
from hostreeve.capabilities.commands.model.command import (
    OUTPUT_CHARS_MAX,
    STDOUT_CHARS_MAX,
    STEPS_PER_REPLY_MAX,
    STREAM_BYTES_MAX,
    TERMINAL_STEP,
    Command,
    Step,
    cut,
    read_time,
)
from hostreeve.capabilities.commands.model.status import Status
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.capabilities.commands.store import output as output_rows
from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

log = logging.getLogger("hostreeve.commands")

FINAL = {
    wire.SUCCESS: Status.SUCCESS,
    wire.FAILED: Status.FAILED,
    wire.TIMED_OUT: Status.EXECUTION_TIMED_OUT,
    wire.CANCELLED: Status.CANCELLED,
}
"""What a reply's documentStatus makes of the invocation; every other value means that it goes on."""

_STEP_STATUSES = TERMINAL_STEP | {"InProgress", "SuccessAndReboot"}
_REMEMBERED_MAX = 1000


class NodeListener:
    """`messaging.listener.Listener` for commands. A node reports on its own invocations and no others."""

    def __init__(self) -> None:
        # What was asked for never changes, so it is read once per process and not once per message; what may
        # be large of it is not needed here.
        self._commands: OrderedDict[tuple[Scope, str], Command] = OrderedDict()

    def acknowledged(self, tx: Transaction, scope: Scope, node_id: str, job_id: str, now_ms: int) -> None:
        command = self._own(tx, scope, node_id, job_id)
        if command is not None:
            self._start(tx, scope, command, node_id, now_ms)

    def refused(
        self, tx: Transaction, scope: Scope, node_id: str, job_id: str, code: str, now_ms: int
    ) -> None:
        command = self._own(tx, scope, node_id, job_id)
        if command is None:
            return
        reason = wire.ACK_MESSAGES.get(code, "unknown reason")
        trace = f"The node's agent refused the command: {reason} ({code[:20]})."
        self._end(tx, scope, command, node_id, after=Status.FAILED, trace=trace, now_ms=now_ms)

    def replied(
        self, tx: Transaction, scope: Scope, node_id: str, job_id: str, reply: dict[str, Any], now_ms: int
    ) -> None:
        command = self._own(tx, scope, node_id, job_id)
        if command is None:
            return
        after = FINAL.get(str(reply.get("documentStatus")))
        if after is not None:
            trace = _text(reply, "documentTraceOutput")[:OUTPUT_CHARS_MAX]
            known = self._end(tx, scope, command, node_id, after=after, trace=trace, now_ms=now_ms)
        else:
            known = self._start(tx, scope, command, node_id, now_ms)
        steps = list(_steps(command, reply))
        # Replies overtake one another: a step's result counts whenever it comes, also after the end.
        if steps and (known or rows.find(tx, scope, command.command_id, node_id) is not None):
            for step in steps:
                rows.keep_step(tx, scope, command.command_id, node_id, step)

    def output(
        self, tx: Transaction, scope: Scope, node_id: str, job_id: str, chunk: wire.OutputChunk, now_ms: int
    ) -> int | None:
        command = self._own(tx, scope, node_id, job_id)
        end = chunk.offset + len(chunk.chunk)
        if command is None or all(step_id != chunk.step_id for step_id, _ in command.steps):
            return end
        stream = output_rows.Stream(scope, (command.command_id, node_id), chunk.step_id, chunk.stream)
        stored = output_rows.size(tx, stream)
        if stored == 0 and rows.find(tx, scope, command.command_id, node_id) is None:
            return end
        if end <= stored or stored >= STREAM_BYTES_MAX:
            return max(end, stored)
        if chunk.offset > stored:
            return stored
        output_rows.append(tx, stream, stored, chunk.chunk[stored - chunk.offset :])
        return end

    def _own(self, tx: Transaction, scope: Scope, node_id: str, job_id: str) -> Command | None:
        """The command of a job, if it is this node's to report on."""
        command_id = job_id.removesuffix(f".{node_id}").rpartition(".")[2]
        if job_id != wire.job_id(command_id, node_id):
            log.warning("%s reports on a job that is not its own: %r", node_id, job_id[:100])
            return None
        command = self._command(tx, scope, command_id)
        if command is None:
            log.warning("%s reports on an unknown command: %r", node_id, job_id[:100])
        return command

    def _command(self, tx: Transaction, scope: Scope, command_id: str) -> Command | None:
        key = (scope, command_id)
        command = self._commands.get(key)
        if command is None:
            found = command_rows.find(tx, scope, command_id)
            if found is None:
                return None
            command = self._commands[key] = msgspec.structs.replace(found, parameters={}, targets=[])
            if len(self._commands) > _REMEMBERED_MAX:
                self._commands.popitem(last=False)
        return command

    def _start(self, tx: Transaction, scope: Scope, command: Command, node_id: str, now_ms: int) -> bool:
        """The node has begun. True when that was news."""
        moved = rows.become(tx, scope, command.command_id, node_id, after=Status.IN_PROGRESS)
        if moved is None:
            return False
        moving.tell(tx, scope, command, node_id, Status.IN_PROGRESS, now_ms)
        return True

    def _end(
        self,
        tx: Transaction,
        scope: Scope,
        command: Command,
        node_id: str,
        *,
        after: Status,
        trace: str,
        now_ms: int,
    ) -> bool:
        """The node has ended. False when it had ended before: the first end counts."""
        moved = rows.become(tx, scope, command.command_id, node_id, after=after, trace=trace)
        if moved is None:
            return False
        moving.count(tx, scope, command.command_id, [moved], after=after)
        moving.tell(tx, scope, command, node_id, after, now_ms)
        return True


def _steps(command: Command, reply: Mapping[str, Any]) -> Iterator[Step]:
    """The results in a reply, of the steps that the document has. A node may send anything."""
    reported = reply.get("runtimeStatus")
    if not isinstance(reported, dict):
        return
    plugins = dict(command.steps)
    sizes = _member(_member(reply, "hostreeve"), "steps")
    for step_id in list(reported)[:STEPS_PER_REPLY_MAX]:
        result = _member(reported, step_id)
        status = str(result.get("status"))
        if step_id not in plugins or status not in _STEP_STATUSES:
            log.warning("a reply to %s names an unknown step or status", command.command_id)
            continue
        yield _with_its_reason(
            Step(
                step_id=step_id,
                plugin=plugins[step_id],
                status=status,
                code=_number(result.get("code")) or 0,
                started_ms=read_time(result.get("startDateTime")),
                ended_ms=read_time(result.get("endDateTime")),
                output=_text(result, "output")[:OUTPUT_CHARS_MAX],
                stdout=cut(_text(result, "standardOutput"), STDOUT_CHARS_MAX),
                stderr=cut(_text(result, "standardError"), STDOUT_CHARS_MAX),
                stdout_bytes=_number(_member(sizes, step_id).get("stdoutBytes")),
                stderr_bytes=_number(_member(sizes, step_id).get("stderrBytes")),
            )
        )


def _with_its_reason(step: Step) -> Step:
    """A step that did not run printed nothing: agents tell the reason in `output` only, where those who ask
    for one step's standard output would never see it."""
    if not step.output or step.stdout or step.stderr or step.stdout_bytes or step.stderr_bytes:
        return step
    if step.status == "Skipped":
        return msgspec.structs.replace(step, stdout=step.output)
    return msgspec.structs.replace(step, stderr=step.output) if step.status == "Failed" else step


def _member(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = members.get(name)
    return found if isinstance(found, dict) else {}


def _text(members: Mapping[str, Any], name: str) -> str:
    text = members.get(name)
    # Half a surrogate pair cannot be stored as UTF-8, and JSON lets a node send one.
    return text.encode(errors="replace").decode() if isinstance(text, str) else ""


def _number(value: Any) -> int | None:
    return value if type(value) is int and abs(value) < 1 << 53 else None
