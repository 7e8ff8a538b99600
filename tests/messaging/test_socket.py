"""The control channel over a real socket: what the server below must do for official agents."""

import asyncio
import json
import socket
import threading

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from hostreeve.contract import jobs as wire
from hostreeve.contract.frames import AgentMessage, decode
from hostreeve.gateway.sockets import DirectSocket
from tests.messaging.fake_agent import NODE, OTHER, Link, job, opening_frame

SCHEMAS = ["hostreeve.messaging"]
MESSAGE = "b9b67174-fdae-4d0a-a6bb-21a2f664ecf6"


class Server:
    """uvicorn, set up as `serve` does it, with the channels and nothing else."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.listening = socket.socket()
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen()
        config = uvicorn.Config(
            link.channels,
            loop="none",
            ws=DirectSocket,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            lifespan="off",
            log_config=None,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        async with self.link.running():
            await self.server.serve([self.listening])

    def __enter__(self) -> "Server":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive()

    def connect(self, node_id: str = NODE, signer: str | None = None):
        return connect(
            f"ws://127.0.0.1:{self.listening.getsockname()[1]}{wire.CONTROL_CHANNEL_PATH}{node_id}"
            f"?{wire.CONTROL_CHANNEL_QUERY}",
            additional_headers={"x-node": signer or node_id},
            compression=None,
            close_timeout=2,
        )


@pytest.fixture
def server(database, world):
    with Server(Link(database, world)) as running:
        yield running


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_pings_are_answered(server):
    """The official agent reconnects when a pong is missing for a minute."""
    with server.connect() as channel:
        channel.send(opening_frame(server.link.token()))
        assert channel.ping(b"keepalive").wait(5)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_long_reply_arrives_in_the_fragments_the_official_agent_writes(server):
    document = json.dumps({"documentStatus": "Success", "documentTraceOutput": '"' * 120_000})
    frame = AgentMessage(
        wire.AGENT_JOB_REPLY, wire.JobReply(job(1).job_id, document).encode(), MESSAGE, 1
    ).encode()
    assert len(frame) > 142_000
    with server.connect() as channel:
        channel.send(opening_frame(server.link.token()))
        channel.send([frame[start : start + 142_000] for start in range(0, len(frame), 142_000)])
        answer = decode(channel.recv(5))
    assert json.loads(answer.payload)["acknowledgedMessageId"] == MESSAGE


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_refused_upgrade_is_an_http_answer_with_the_code_as_an_element(server):
    with pytest.raises(InvalidStatus) as refused:
        server.connect(signer=OTHER)
    assert refused.value.response.status_code == 403
    assert b"<AccessDeniedException>" in refused.value.response.body


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_refused_opening_is_a_close_with_its_reason(server):
    with server.connect() as channel:
        channel.send("{}")
        with pytest.raises(ConnectionClosed) as closed:
            channel.recv(5)
    assert closed.value.rcvd.code == 1008
