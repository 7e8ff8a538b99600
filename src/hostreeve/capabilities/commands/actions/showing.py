"""What callers see of a step's output: the fields that AWS cuts, and the whole of it by range."""

from msgspec import Struct

from hostreeve.capabilities.commands.lifecycle import OPEN
from hostreeve.capabilities.commands.model.command import (
    STDERR_CHARS_MAX,
    STDOUT_CHARS_MAX,
    Command,
    CommandRow,
    Invocation,
    Step,
    cut,
)
from hostreeve.capabilities.commands.model.status import Status
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.capabilities.commands.store import output as output_rows
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_BYTES_PER_CHAR_MAX = 4


class Range(Struct, frozen=True, kw_only=True):
    """Part of a stream. `total_bytes` is what there is by now; `is_complete`: nothing more will come."""

    part: bytes
    total_bytes: int
    is_complete: bool


def command(tx: Transaction, scope: Scope, command_id: str) -> CommandRow | None:
    """A command with where it stands; None when its history is over."""
    return command_rows.row(tx, scope, command_id)


def invocations(tx: Transaction, scope: Scope, command_id: str, after: str, limit: int) -> list[Invocation]:
    """A command on its nodes, by their ids, behind `after`."""
    return rows.of_command(tx, scope, command_id, conditions=[], after=after, limit=limit)


def printed(tx: Transaction, scope: Scope, command: Command, limit: int) -> list[tuple[int, str]]:
    """The last response code and what was printed on each of the first `limit` nodes, steps in order."""
    found = rows.of_command(tx, scope, command.command_id, conditions=[], after="", limit=limit)
    keys = [(one.command_id, one.node_id) for one in found]
    reported = rows.steps_of_many(tx, scope, keys)
    made = []
    for one in found:
        steps = reported.get((one.command_id, one.node_id), {})
        listed = [steps[step_id] for step_id, _ in command.steps if step_id in steps]
        code = next((step.code for step in listed if step.code not in (0, -1)), 0)
        if not listed and one.status is not Status.SUCCESS:
            code = -1
        made.append((code, "".join(shown_output(tx, scope, one, step)[0] for step in listed)))
    return made


def shown_output(tx: Transaction, scope: Scope, invocation: Invocation, step: Step | None) -> tuple[str, str]:
    """StandardOutputContent and StandardErrorContent. Empty until the step has reported."""
    if step is None:
        return "", ""
    limits = {"stdout": STDOUT_CHARS_MAX, "stderr": STDERR_CHARS_MAX}
    texts = []
    for stream, chars_max in limits.items():
        text = step.stdout if stream == "stdout" else step.stderr
        if not text:
            # Our agent may leave out of its reply what it has streamed.
            size = chars_max * _BYTES_PER_CHAR_MAX
            rows = output_rows.Stream(
                scope, (invocation.command_id, invocation.node_id), step.step_id, stream
            )
            text = output_rows.read(tx, rows, 0, size).decode(errors="replace")
        texts.append(cut(text, chars_max))
    return texts[0], texts[1]


def whole_output(
    tx: Transaction,
    scope: Scope,
    invocation: Invocation,
    step_id: str,
    step: Step | None,
    *,
    stream: str,
    offset_bytes: int,
    length: int,
) -> Range:
    """Bytes of a stream: those that were streamed, else those of the reply."""
    rows = output_rows.Stream(scope, (invocation.command_id, invocation.node_id), step_id, stream)
    stored = output_rows.size(tx, rows)
    said = _said(step, stream)
    has_ended = invocation.status not in OPEN or (step is not None and step.has_ended)
    reply = b"" if step is None else (step.stdout if stream == "stdout" else step.stderr).encode()
    if stored == 0 and reply and (said is None or said == len(reply) or not said):
        part = reply[offset_bytes : offset_bytes + length]
        return Range(part=part, total_bytes=len(reply), is_complete=has_ended)
    part = output_rows.read(tx, rows, offset_bytes, length)
    return Range(part=part, total_bytes=stored, is_complete=has_ended and stored >= (said or 0))


def _said(step: Step | None, stream: str) -> int | None:
    if step is None:
        return None
    return step.stdout_bytes if stream == "stdout" else step.stderr_bytes
