"""The client half of RFC 6455, against the `websockets` library and against bytes that no server may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from hostreeve.agent import websocket
from hostreeve.agent.http import Head, unchunked
from hostreeve.agent.websocket import BINARY, CLOSE, PING, TEXT, BrokenProtocol, Receiver, frame

MASK = b"\x01\xfe\x03\x80"


def server() -> ServerProtocol:
    """A real server's protocol, opened by our own request."""
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    protocol = ServerProtocol()
    protocol.receive_data(websocket.opening("/x?y=z", {"Host": "h"}, key))
    protocol.send_response(protocol.accept(protocol.events_received()[0]))
    head = Head()
    rest = head.feed(b"".join(protocol.data_to_send()))
    assert rest == b"" and head.status == 101
    assert head.headers["sec-websocket-accept"] == websocket.accept_for(key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    return protocol


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
def test_a_real_server_reads_what_we_send_and_we_what_it_sends(size: int):
    protocol, payload = server(), bytes(range(256)) * (size // 256) + bytes(size % 256)
    protocol.receive_data(frame(BINARY, payload, MASK))
    event = protocol.events_received()[0]
    assert isinstance(event, Frame) and event.opcode is Opcode.BINARY and bytes(event.data) == payload
    protocol.send_binary(payload)
    received = Receiver()
    messages = [m for piece in protocol.data_to_send() for m in received.feed(piece)]
    assert messages == [websocket.Message(BINARY, payload)]


@given(st.binary(max_size=400), st.integers(1, 9), st.integers(1, 50))
def test_fragments_and_torn_reads_come_together_with_a_ping_between(payload: bytes, parts: int, step: int):
    protocol = server()
    size = len(payload) // parts + 1
    pieces = [payload[at : at + size] for at in range(0, len(payload) or 1, size)]
    for index, piece in enumerate(pieces):
        send = protocol.send_binary if index == 0 else protocol.send_continuation
        send(piece, fin=index == len(pieces) - 1)
        protocol.send_ping(b"p")
    wire = b"".join(protocol.data_to_send())
    receiver = Receiver()
    messages = [m for at in range(0, len(wire), step) for m in receiver.feed(wire[at : at + step])]
    assert [m.payload for m in messages if m.kind == BINARY] == [payload]
    assert len([m for m in messages if m.kind == PING]) == len(pieces)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x82\x81\0\0\0\0x", 1002),
        (b"\xc2\x01x", 1002),
        (b"\x83\x01x", 1002),
        (b"\x80\x01x", 1002),
        (b"\x02\x01x\x82\x01y", 1002),
        (b"\x09\x01x", 1002),
        (b"\x89\x7e\x00\x80" + b"x" * 128, 1002),
        (b"\x82\x7f" + (2**62).to_bytes(8, "big"), 1009),
    ],
    ids=[
        "masked",
        "reserved bit",
        "opcode",
        "stray continuation",
        "nested",
        "torn ping",
        "long ping",
        "huge",
    ],
)
def test_what_no_server_may_send_breaks_the_channel(wire: bytes, code: int):
    with pytest.raises(BrokenProtocol) as broken:
        Receiver().feed(wire)
    assert broken.value.code == code


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_waited_on_and_nothing_worse(wire: bytes):
    try:
        for message in Receiver().feed(wire):
            assert message.kind in (TEXT, BINARY, PING, websocket.PONG, CLOSE)
    except BrokenProtocol:
        return


def test_a_message_grown_from_fragments_has_a_limit_too():
    receiver = Receiver(message_bytes_max=10)
    receiver.feed(b"\x02\x08" + b"x" * 8)
    with pytest.raises(BrokenProtocol):
        receiver.feed(b"\x00\x08" + b"x" * 8)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.integers(0, 8))
def test_chunked_bodies_are_put_together_only_when_they_are_whole(parts: list[bytes], missing: int):
    wire = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    whole = b"".join(parts)
    assert unchunked(bytearray(wire)) == whole
    cut = wire[: len(wire) - missing]
    assert unchunked(bytearray(cut)) in (whole, None)


@pytest.mark.parametrize("head", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 70_000])
def test_what_is_no_http_is_refused(head: bytes):
    with pytest.raises(ValueError):
        Head().feed(head)
