"""Whole output into S3: what our agent streamed here is put where an agent of AWS would have put it.

The official agent uploads by itself, and streams nothing: of its invocations there is nothing to do here.
Bytes are brought to disk outside of any transaction; one transaction then gives them all their keys.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from hostreeve.api.call import Principal
from hostreeve.api.errors import AwsError
from hostreeve.capabilities import nodes
from hostreeve.capabilities.commands.actions import showing
from hostreeve.capabilities.commands.actions.moving import Permitted
from hostreeve.capabilities.commands.model import command as model
from hostreeve.capabilities.commands.model.command import Command, Invocation, Step
from hostreeve.capabilities.commands.store import commands as command_rows
from hostreeve.capabilities.commands.store import invocations as rows
from hostreeve.capabilities.commands.store import output as output_rows
from hostreeve.capabilities.commands.store import uploads
from hostreeve.capabilities.commands.store.uploads import Upload
from hostreeve.contract.jobs import STREAMS
from hostreeve.kernel.scope import PARTITION
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform import identity, objects

PATIENCE_MS = 600_000
"""How long the rest of a stream may take to come after its end was reported; then what is there is put."""
REST_MS_MIN, REST_MS_MAX = 500, 30_000
PIECE_BYTES = 1 << 18
CONTENT_TYPE = "text/plain"


@dataclass(frozen=True, slots=True)
class Piece:
    """One stream that is to become an object. `is_whole`: nothing more of it will come."""

    invocation: Invocation
    step_id: str
    step: Step | None
    stream: str
    key: str
    is_whole: bool


async def upload(database: Database, world: World, permitted: Permitted, one: Upload) -> None:
    """Put everything that one invocation printed, or say when to try again."""
    found = await database.read(lambda tx: _pieces(tx, one))
    now_ms = world.now_ms()
    if found is None:
        await database.write(lambda tx: uploads.delete(tx, one))
        return
    command, pieces = found
    waited_ms = now_ms - one.ended_ms
    if not all(piece.is_whole for piece in pieces) and waited_ms < PATIENCE_MS:
        due_ms = now_ms + max(REST_MS_MIN, min(waited_ms, REST_MS_MAX))
        await database.write(lambda tx: uploads.postpone(tx, one, due_ms))
        return
    trouble = await database.read(lambda tx: _refusal(tx, permitted, one, command, pieces))
    kept: dict[str, objects.Content] = {}
    for piece in pieces if not trouble else []:
        kept[piece.key] = await asyncio.to_thread(objects.keep, world, _chunks(database, one, piece))
    await database.write(lambda tx: _put(tx, one, command, kept, trouble=trouble, now_ms=now_ms))


def _pieces(tx: Transaction, one: Upload) -> tuple[Command, list[Piece]] | None:
    """The streams that are not empty. None when the invocation is not there any more."""
    command = command_rows.find(tx, one.scope, one.command_id)
    invocation = rows.find(tx, one.scope, one.command_id, one.node_id)
    if command is None or invocation is None:
        return None
    reported = rows.steps(tx, one.scope, one.command_id, one.node_id)
    pieces = []
    for step_id, _ in command.steps:
        step = reported.get(step_id)
        for stream in STREAMS:
            stored = output_rows.size(
                tx, output_rows.Stream(one.scope, (one.command_id, one.node_id), step_id, stream)
            )
            # Only our agent tells how much there is, and only it leaves the upload to the server.
            said = None if step is None else (step.stdout_bytes if stream == "stdout" else step.stderr_bytes)
            if not stored and not said:
                continue
            key = model.output_key(command, one.node_id, step_id, stream)
            part = showing.whole_output(
                tx, one.scope, invocation, step_id, step, stream=stream, offset_bytes=0, length=1
            )
            pieces.append(Piece(invocation, step_id, step, stream, key, part.is_complete))
    return command, pieces


def _chunks(database: Database, one: Upload, piece: Piece) -> Iterator[bytes]:
    """The stream's bytes, a bounded number at a time. It blocks: for a thread of its own."""
    offset = 0

    def unit(tx: Transaction) -> bytes:
        part = showing.whole_output(
            tx,
            one.scope,
            piece.invocation,
            piece.step_id,
            piece.step,
            stream=piece.stream,
            offset_bytes=offset,
            length=PIECE_BYTES,
        )
        return part.part

    while chunk := database.read_sync(unit):
        yield chunk
        offset += len(chunk)


def _refusal(
    tx: Transaction, permitted: Permitted, one: Upload, command: Command, pieces: list[Piece]
) -> str:
    """Why this may not be written, "" when it may: by who sent the command, or else by the node's own role,
    whose permission it takes at AWS."""
    arns = [f"arn:{PARTITION}:s3:::{command.output_s3_bucket}/{piece.key}" for piece in pieces]
    sender = msgspec.convert(command.principal, Principal)
    why = ""
    for principal in (sender, _role_session(tx, one)):
        if principal is None or not arns:
            continue
        try:
            permitted(tx, one.scope, principal, "s3:PutObject", arns, {})
        except AwsError as refused:
            why = why or refused.message
        else:
            return ""
    return why


def _role_session(tx: Transaction, one: Upload) -> Principal | None:
    node = nodes.find(tx, one.scope, one.node_id)
    role = identity.find_role(tx, one.scope.account, node.iam_role) if node else None
    if role is None:
        return None
    return Principal(
        account=role.account,
        arn=f"arn:{PARTITION}:sts::{role.account}:assumed-role/{role.name}/{one.node_id}",
        id=f"{role.identity_id}:{one.node_id}",
        access_key_id="",
        node_id=one.node_id,
        tags=role.tags,
        role_arn=role.arn,
    )


def _put(
    tx: Transaction,
    one: Upload,
    command: Command,
    kept: dict[str, objects.Content],
    *,
    trouble: str,
    now_ms: int,
) -> None:
    if not uploads.delete(tx, one):
        return
    for key, content in sorted(kept.items()):
        try:
            objects.put(
                tx,
                one.scope,
                command.output_s3_bucket,
                key,
                content,
                now_ms=now_ms,
                content_type=CONTENT_TYPE,
            )
        except AwsError as refused:
            trouble = refused.message or refused.code
    if trouble:
        # As at AWS this does not fail the command; but whoever looks for the output shall find out why.
        rows.add_trace(
            tx, one.scope, one.command_id, one.node_id, f"The output could not be written to S3: {trouble}"
        )
