"""Writes down what the official agent really sends: `python -m tests.official_agent.recorder FILE`.

The agent speaks to a relay, which holds the server's certificate and passes every byte on; what went by
becomes `recorded.json`, which test_recorded.py plays back where the program is not there. AMAZON_SSM_AGENT
names its folder.
"""

import json
import os
import socket
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path

from hostreeve.contract.frames import decode
from tests.acceptance.conftest import Site
from tests.official_agent.official import OfficialAgent, Server, wait_for

TEXT, BINARY = 1, 2
FLOOD = 14
"""The agent has room for ten."""
KEPT = ("AmazonSSM.RegisterManagedInstance", "AmazonSSM.RequestManagedInstanceRoleToken")
FINAL = 0x80


class Relay:
    """TLS on a port of its own, byte for byte to the server's. `sent`: what each connection's client sent."""

    def __init__(self, server: Server) -> None:
        folder = server.state / "certificates"
        self._accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._accepting.load_cert_chain(folder / "server.pem", folder / "server.key")
        self._asking = ssl.create_default_context(cafile=folder / "ca.pem")
        self._target = ("127.0.0.1", server.port)
        self.sent: list[bytearray] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            raw, _ = self._listener.accept()
            threading.Thread(target=self._relay, args=(raw,), daemon=True).start()

    def _relay(self, raw: socket.socket) -> None:
        client = self._accepting.wrap_socket(raw, server_side=True)
        server = self._asking.wrap_socket(socket.create_connection(self._target), server_hostname="127.0.0.1")
        kept = bytearray()
        self.sent.append(kept)
        threading.Thread(target=_pump, args=(server, client, None), daemon=True).start()
        _pump(client, server, kept)


def _pump(source: ssl.SSLSocket, sink: ssl.SSLSocket, kept: bytearray | None) -> None:
    try:
        while part := source.recv(65536):
            if kept is not None:
                kept += part
            sink.sendall(part)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            end.close()


def requests(sent: bytes) -> list[bytes]:
    """The HTTP requests of a connection, each with its body."""
    found = []
    while b"\r\n\r\n" in sent:
        head, _, rest = sent.partition(b"\r\n\r\n")
        if b"Transfer-Encoding: chunked" in head:
            length = rest.index(b"0\r\n\r\n") + len(b"0\r\n\r\n")
        else:
            lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            length = int(lengths[0].split(b":")[1]) if lengths else 0
        found.append(head + b"\r\n\r\n" + rest[:length])
        sent = rest[length:]
        if b"Upgrade: websocket" in head:
            break
    return found


def messages(sent: bytes) -> list[tuple[int, bytes]]:
    """(opcode, payload) of what a WebSocket's client sent, fragments joined."""
    rest, found, kind, parts = sent.partition(b"\r\n\r\n")[2], [], 0, b""
    while len(rest) > 6:
        opcode, length, at = rest[0] & 15, rest[1] & 127, 2
        wide = {126: 2, 127: 8}.get(length, 0)
        length = int.from_bytes(rest[at : at + wide]) if wide else length
        at += wide
        mask, body = rest[at : at + 4], rest[at + 4 : at + 4 + length]
        rest_after = rest[at + 4 + length :]
        plain = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
        if opcode in (0, TEXT, BINARY):
            kind, parts = opcode or kind, parts + plain
            if rest[0] & FINAL:
                found.append((kind, parts))
                parts = b""
        rest = rest_after
    return found


def record(programs: Path, folder: Path) -> dict:
    server = Server(folder)
    try:
        site = Site(server.start(), folder)
        relay = Relay(server)
        agent = OfficialAgent(site, folder, programs, endpoint=f"https://127.0.0.1:{relay.port}")
        try:
            return _recorded(site, agent, relay)
        finally:
            agent.close()
    finally:
        server.stop()


def _recorded(site: Site, agent: OfficialAgent, relay: Relay) -> dict:
    node_id = agent.register()
    began_ms = time.time_ns() // 1_000_000
    agent.start()
    site.wait_connected(node_id)
    ids = {name: _done(site, node_id, *lines) for name, lines in PLAIN.items()}
    ids["steps"] = _steps(site, node_id)
    ids["cancelled"] = _cancelled(site, node_id)
    flood = [site.run(node_id, "sleep 2") for _ in range(FLOOD)]
    for command_id in flood:
        site.finished(command_id, node_id, 120)
    time.sleep(3)
    sockets = [bytes(each) for each in relay.sent if b"Upgrade: websocket" in each]
    frames = [each for sent in sockets for each in messages(sent)]
    asked = [each for sent in relay.sent for each in requests(bytes(sent))]
    first = {}
    for each in asked:
        if _name(each) in KEPT:
            first.setdefault(_name(each), each.decode("latin-1"))
    described = [_described(body) for kind, body in frames if kind == BINARY]
    # Of the flood only what the agent said to those for which it had no room.
    told = [each for each in described if not any(each["payload"].count(one) for one in flood)]
    told += [each for each in described if '"51402"' in each["payload"]][:1]
    return {
        "node_id": node_id,
        "commands": ids,
        "began_ms": began_ms,
        "requests": first,
        "frames": told,
    }


PLAIN = {
    "failing": ("echo grüße; echo wrong >&2; exit 3",),
    "quotes": ("head -c 3000 /dev/zero | tr '\\0' '\"'",),
}


def _done(site: Site, node_id: str, *lines: str) -> str:
    command_id = site.run(node_id, *lines)
    site.finished(command_id, node_id)
    return command_id


def _steps(site: Site, node_id: str) -> str:
    def step(name: str, line: str, **more: object) -> dict:
        return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": [line]}, **more}

    elsewhere = {"precondition": {"StringEquals": ["platformType", "Windows"]}}
    steps = [step("one", "echo one"), step("two", "echo two", **elsewhere), step("three", "exit 5")]
    ssm = site.client("ssm")
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": steps})
    ssm.create_document(Name="Steps", Content=content)
    command_id = ssm.send_command(DocumentName="Steps", InstanceIds=[node_id])["Command"]["CommandId"]
    site.finished(command_id, node_id)
    return command_id


def _cancelled(site: Site, node_id: str) -> str:
    ssm = site.client("ssm")
    command_id = site.run(node_id, "sleep 600")
    wait_for(
        lambda: (
            site.client("ssm").list_commands(CommandId=command_id)["Commands"][0]["Status"] == "InProgress"
        )
    )
    time.sleep(1)
    ssm.cancel_command(CommandId=command_id)
    site.finished(command_id, node_id)
    return command_id


def _name(request: bytes) -> str:
    head = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    targets = [line.partition(": ")[2] for line in head if line.lower().startswith("x-amz-target:")]
    return targets[0] if targets else " ".join(head[0].split("?")[0].rsplit("/", 1)[0].split()[:2])


def _described(frame: bytes) -> dict:
    message = decode(frame)
    head, payload = frame[: -len(message.payload)], message.payload.decode()
    return {
        "type": message.message_type,
        "id": message.message_id,
        "created_ms": message.created_ms,
        "head": head.hex(),
        "payload": payload,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        found = record(Path(os.environ["AMAZON_SSM_AGENT"]), Path(made))
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1) + "\n")
