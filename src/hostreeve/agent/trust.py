"""The certificate authority that the node trusts, kept up with the server's while the old one still holds.

Only what comes over a connection that is already trusted is believed, and only once the server was reached
with it: a node never locks itself out.
"""

from __future__ import annotations

import ssl
from typing import Callable, Union

from hostreeve.agent.http import Exchange, Request, Response
from hostreeve.agent.log import Log
from hostreeve.agent.server import USER_AGENT, Server
from hostreeve.agent.state import Node, State, replace, sync_folder
from hostreeve.agent.stream import Endpoint, Unreachable, endpoint

CA_PATH = "/_hostreeve/ca.pem"
FIRST_S = 60.0
URGENT_S = 3_600.0
URGENT_MS = 30 * 86_400_000
"""From then on before its end an authority is looked after every hour."""

CA_BYTES_MAX = 100_000


class Trust:
    """Asks for the authority's file soon after the start, then daily (`ca_refresh_s` of node.json)."""

    def __init__(self, server: Server, state: State, node: Node, log: Log) -> None:
        self._server, self._state, self._node, self._log = server, state, node, log

    def start(self) -> None:
        self._later(min(FIRST_S, self._node.ca_refresh_s))

    def _ask(self) -> None:
        self._fetch(self._server.endpoint, self._fetched)

    def _fetched(self, outcome: Union[Response, Unreachable]) -> None:
        if isinstance(outcome, Response) and outcome.status == 200 and 0 < len(outcome.body) <= CA_BYTES_MAX:
            try:
                if outcome.body != self._state.ca.read_bytes():
                    self._try(outcome.body)
            except (OSError, ValueError) as wrong:
                self._log.warning(f"the server's certificate authority is not taken over: {wrong}")
        self._later(self._pause_s())

    def _try(self, content: bytes) -> None:
        replace(self._state.new_ca, content)
        candidate = endpoint(self._node.server, str(self._state.new_ca))

        def tried(outcome: Union[Response, Unreachable]) -> None:
            if isinstance(outcome, Unreachable):
                self._log.warning(f"the server's new certificate authority does not vouch for it: {outcome}")
                return
            try:
                self._state.new_ca.replace(self._state.ca)
                sync_folder(self._state.folder)
            except OSError as wrong:
                self._log.warning(f"cannot keep the server's new certificate authority: {wrong}")
                return
            self._server.endpoint = candidate
            self._log.info("the server's certificate authority was renewed")

        self._fetch(candidate, tried)

    def _fetch(self, server: Endpoint, done: Callable[[Union[Response, Unreachable]], None]) -> None:
        headers = {"Host": server.authority, "User-Agent": USER_AGENT}
        Exchange(self._server.loop, server, Request("GET", CA_PATH, headers), done)

    def _pause_s(self) -> float:
        usual_s = self._node.ca_refresh_s * (0.9 + 0.2 * self._server.loop.world.fraction())
        return min(usual_s, URGENT_S) if self._ends_soon() else usual_s

    def _ends_soon(self) -> bool:
        now_ms = self._server.loop.world.now_ms()
        for authority in self._server.endpoint.context.get_ca_certs():
            ends = authority.get("notAfter")
            if isinstance(ends, str) and ssl.cert_time_to_seconds(ends) * 1000 - now_ms < URGENT_MS:
                return True
        return False

    def _later(self, delay_s: float) -> None:
        self._server.loop.after(delay_s, self._ask)
