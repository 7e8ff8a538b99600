"""A node's side: its enrolment, its way to the server, its credentials, its journal."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from hostreeve.agent import machine_key
from hostreeve.agent.state import Node, Refused, State
from hostreeve.app.doctor.findings import Finding, ok, private_file, warning, wrong
from hostreeve.app.doctor.state import is_locked
from hostreeve.app.doctor.transport import certificate_ends, looked_at
from hostreeve.cli.client import NOT_OURS, Door
from hostreeve.cli.trouble import Trouble
from hostreeve.contract.installer import CA_PATH
from hostreeve.contract.sigv4 import KeyHolder, Outgoing, machine_key_request
from hostreeve.kernel.world import World

ENROL_AGAIN = "Enrol again: hostreeve agent enrol --force … (`hostreeve activate` prints the line)"


def examined(folder: Path, world: World) -> Iterator[Finding]:
    """Everything between a node's folder and its role's credentials."""
    state = State(str(folder))
    yield private_file("agent folder", state.folder, folder=True)
    try:
        node = state.node()
    except Refused as refused:
        yield wrong(
            "enrolment", str(refused), "`hostreeve activate` prints the line that enrols this machine."
        )
        return
    yield ok("enrolment", f"{node.node_id} in {node.region} at {node.server}")
    key = private_file("machine key", state.key)
    yield key
    yield certificate_ends(state.ca, "authority", world)
    if is_locked(state.folder / "lock"):
        yield ok("process", "the agent runs")
    else:
        yield warning(
            "process", "no agent runs in this folder", f"hostreeve agent run --state {state.folder}"
        )
    yield _journal(state.journal)
    url = f"{urlsplit(node.server).scheme}://{urlsplit(node.server).netloc}"
    reached = True
    for finding in looked_at(url, state.ca, world):
        reached = reached and finding.verdict != "wrong"
        yield finding
    if reached:
        door = Door(url, state.ca, timeout_s=10)
        try:
            yield _same_authority(door, state.ca)
            if key.verdict == "ok":
                yield _credentials(door, node, state, world)
        finally:
            door.close()


def _journal(path: Path) -> Finding:
    """As agent/journal.py writes it: a checksum, a space, a record, per line."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ok("journal", "none yet")
    except OSError as trouble:
        return wrong(
            "journal", f"{path}: {trouble.strerror}", "Check its owner; the agent must read and write it."
        )
    damaged = sum(1 for line in lines if line.strip() and not _is_sound(line))
    if damaged:
        return warning(
            "journal",
            f"{damaged} of {len(lines)} records are damaged (an interrupted write, or a bad disk)",
            "The agent leaves them out. Look at the disk if it happens again.",
        )
    return ok("journal", f"{len(lines)} records, all sound")


def _is_sound(line: bytes) -> bool:
    checksum, _, text = line.partition(b" ")
    try:
        return int(checksum, 16) == zlib.crc32(text)
    except ValueError:
        return False


def _same_authority(door: Door, kept: Path) -> Finding:
    try:
        status, _, served = door.exchange(("GET", CA_PATH, {}, b""), repeatable=True)
    except Trouble as trouble:
        return wrong("authority", trouble.message, trouble.next_step)
    if status != 200:
        return wrong("authority", f"the server has no {CA_PATH} (HTTP {status})", NOT_OURS)
    if served.strip() == kept.read_bytes().strip():
        return ok("authority", "the same file as the server's")
    return warning(
        "authority",
        "the server hands out another file than this node trusts; an authority is being replaced",
        f"Copy the server's `ca.pem` to {kept} before the old authority ends.",
    )


def _credentials(door: Door, node: Node, state: State, world: World) -> Finding:
    """Ask for the role's credentials as the agent does; they are thrown away."""
    headers = {
        "Host": door.host,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonSSM.RequestManagedInstanceRoleToken",
    }
    body = json.dumps({"Fingerprint": node.fingerprint}).encode()
    holder = KeyHolder(node.node_id, node.region)
    unsigned = machine_key_request(Outgoing("POST", "/", "", headers, body), holder, now_ms=world.now_ms())
    try:
        signed = unsigned.signed_by(machine_key.sign(str(state.key), unsigned.string_to_sign))
        status, _, answer = door.exchange(("POST", "/", signed, body), repeatable=False)
    except Trouble as trouble:
        return wrong("credentials", trouble.message, trouble.next_step)
    except (OSError, ValueError) as trouble:
        return wrong("credentials", f"the machine key cannot sign: {trouble}", ENROL_AGAIN)
    if status == 200:
        return ok("credentials", "the server knows this node and its key")
    return wrong("credentials", f"the server refuses this node: {_told(answer, status)}", ENROL_AGAIN)


def _told(answer: bytes, status: int) -> str:
    try:
        found = json.loads(answer)
        return f"{found['__type']} {found.get('message') or found.get('Message') or ''}".strip()
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"
