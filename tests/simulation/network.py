"""Connections between nodes and server: in order, with a delay, cut without a word when chance says."""

import asyncio
import random
from typing import Any, Protocol

from hostreeve.contract import jobs as wire
from tests.simulation.server import Server


class Driver(Protocol):
    """What the network needs of the simulation."""

    chance: random.Random
    is_faulty: bool

    def after(self, seconds: float, act: Any, *args: Any) -> None: ...

    def delay_s(self) -> float: ...

    def elapsed_s(self) -> float: ...

    def arrived(self) -> None: ...


class Peer(Protocol):
    """The node's end."""

    node_id: str

    def accepted(self, connection: "Connection") -> None: ...

    def received(self, connection: "Connection", frame: bytes) -> None: ...

    def lost(self, connection: "Connection") -> None: ...


class Connection:
    """One WebSocket. A cut loses what is on its way; either end learns of it some time later."""

    def __init__(self, driver: Driver, server: Server, peer: Peer) -> None:
        self.driver, self.server, self.peer = driver, server, peer
        self.is_cut = False
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._up_s = self._down_s = 0.0
        self._to_app.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": wire.CONTROL_CHANNEL_PATH + peer.node_id,
            "headers": [(b"x-node", peer.node_id.encode())],
        }
        server.run(server.channels(scope, self._to_app.get, self._from_app))

    def text(self, text: str) -> None:
        self._up({"type": "websocket.receive", "text": text})

    def frame(self, frame: bytes) -> None:
        self._up({"type": "websocket.receive", "bytes": frame})

    def cut(self, server_learns_s: float, node_learns_s: float) -> None:
        if not self.is_cut:
            self.is_cut = True
            self.driver.after(server_learns_s, self._tell_server)
            self.driver.after(node_learns_s, self.peer.lost, self)

    def end(self) -> None:
        """One end has died: what it had written before may still arrive."""
        on_its_way_s = max(self._up_s, self._down_s) - self.driver.elapsed_s()
        arrives = self.driver.chance.random() < 0.7
        self.driver.after(max(0.0, on_its_way_s) if arrives else 0.0, self.cut, 0.1, 0.1)

    def _up(self, event: dict[str, Any]) -> None:
        if not self.is_cut:
            now = self.driver.elapsed_s()
            self._up_s = max(self._up_s, now + self.driver.delay_s())
            self.driver.after(self._up_s - now, self._arrived_up, event)

    def _arrived_up(self, event: dict[str, Any]) -> None:
        if not self.is_cut and self.server.is_alive:
            self._to_app.put_nowait(event)
            self.driver.arrived()

    async def _from_app(self, event: dict[str, Any]) -> None:
        if not self.server.is_alive:
            raise OSError("gone")
        if not self.is_cut:
            now = self.driver.elapsed_s()
            self._down_s = max(self._down_s, now + self.driver.delay_s())
            self.driver.after(self._down_s - now, self._arrived_down, event)
            doubled = self.driver.is_faulty and self.driver.chance.random() < 0.05
            if doubled and event["type"] == "websocket.send":
                # As from another replica, or sent again for an acknowledgement that is on its way.
                late_s = self._down_s - now + 60 * self.driver.chance.random()
                self.driver.after(late_s, self._arrived_down, event)

    def _arrived_down(self, event: dict[str, Any]) -> None:
        if self.is_cut:
            return
        if event["type"] == "websocket.accept":
            self.peer.accepted(self)
        elif event["type"] == "websocket.send":
            self.peer.received(self, event["bytes"])
        else:
            self.cut(0.0, 0.0)

    def _tell_server(self) -> None:
        if self.server.is_alive:
            self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})
