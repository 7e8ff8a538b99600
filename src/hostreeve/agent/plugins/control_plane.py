"""The server, for a plugin's process: calls that wait for their answer, signed with the node's credentials.

The agent keeps the credentials fresh in its folder; they are read anew for every call.
"""

from __future__ import annotations

import http.client
import ssl
from typing import Any, Dict, Iterator, NamedTuple
from urllib.parse import quote

from hostreeve.agent.machine import AGENT_NAME, AGENT_VERSION
from hostreeve.agent.plugins.worker import StepFailed
from hostreeve.agent.server import SKEW_NOTICED_MS, Denied, http_date_ms, refusal
from hostreeve.agent.state import State
from hostreeve.agent.stream import endpoint
from hostreeve.contract import jobs, sigv4
from hostreeve.kernel.world import RealWorld

TIMEOUT_S = 60.0
PIECE_BYTES = 262_144


class Answered(NamedTuple):
    """An answer whose body is still to be read."""

    status: int
    headers: Dict[str, str]
    response: http.client.HTTPResponse

    def pieces(self) -> Iterator[bytes]:
        """The body. OSError when it breaks off before its end."""
        try:
            while True:
                piece = self.response.read(PIECE_BYTES)
                if not piece:
                    break
                yield piece
        except http.client.HTTPException as wrong:
            raise StepFailed(f"the answer broke off: {wrong!r}") from None
        if self.response.length:
            raise StepFailed(f"the answer broke off {self.response.length} bytes before its end")

    def body(self) -> bytes:
        return b"".join(self.pieces())


class ControlPlane:
    """`state` is the agent's folder. StepFailed when the server cannot be reached."""

    def __init__(self, state: str) -> None:
        self._state = State(state)
        self.node = self._state.node()
        self._world = RealWorld()
        self._skew_ms = 0

    @property
    def authority(self) -> str:
        """The server's name (and port), as URLs have it."""
        return endpoint(self.node.server, str(self._state.ca)).authority

    @property
    def ca_file(self) -> str:
        return str(self._state.ca)

    def call(self, operation: str, members: Dict[str, Any]) -> Dict[str, Any]:
        """An operation of ssm. Denied when the server refuses it."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonSSM.{operation}",
        }
        outgoing = sigv4.Outgoing("POST", "/", "", self._with_host(headers), jobs.to_json(members))
        answered = self._signed(outgoing, "ssm")
        if answered.status != 200:
            raise refusal(answered.status, answered.headers, answered.body())
        try:
            return jobs.object_in(answered.body())
        except ValueError:
            raise StepFailed(f"the server's answer to {operation} is not JSON") from None

    def stored(self, bucket: str, key: str, query: str = "") -> Answered:
        """What the object store answers to GET, in path style. Denied when it refuses."""
        path = f"/{quote(bucket, safe='-_.~')}" + (f"/{quote(key, safe='/-_.~')}" if key else "")
        outgoing = sigv4.Outgoing("GET", path, query, self._with_host({}))
        answered = self._signed(outgoing, "s3")
        if answered.status != 200:
            raise refusal(answered.status, answered.headers, answered.body())
        return answered

    def page(self, path: str) -> bytes:
        """A page that anybody may read. StepFailed when it is not there."""
        answered = self._sent(sigv4.Outgoing("GET", path, "", self._with_host({})), {})
        content = answered.body()
        if answered.status != 200:
            raise StepFailed(f"{self.node.server}{path} was answered with HTTP {answered.status}")
        return content

    def _with_host(self, headers: Dict[str, str]) -> Dict[str, str]:
        return {"Host": self.authority, "User-Agent": f"{AGENT_NAME}/{AGENT_VERSION}", **headers}

    def _signed(self, outgoing: sigv4.Outgoing, service: str) -> Answered:
        answered = self._sent(outgoing, self._signature(outgoing, service))
        if answered.status in (400, 403) and self._notices_skew(answered.headers.get("date", "")):
            # This node's clock is wrong: the same once more, by the server's.
            answered = self._sent(outgoing, self._signature(outgoing, service))
        return answered

    def _signature(self, outgoing: sigv4.Outgoing, service: str) -> Dict[str, str]:
        return sigv4.sign_headers(
            outgoing,
            self._credentials(),
            region=self.node.region,
            service=service,
            now_ms=self._world.now_ms() + self._skew_ms,
        )

    def _credentials(self) -> sigv4.Credentials:
        kept = self._state.read("credentials.json") or {}
        try:
            return sigv4.Credentials(kept["access_key_id"], kept["secret_access_key"], kept["session_token"])
        except KeyError:
            raise StepFailed("the node has no credentials at the moment") from None

    def _notices_skew(self, date: str) -> bool:
        server_ms = http_date_ms(date)
        if server_ms is None or self._skew_ms:
            return False
        skew_ms = server_ms - self._world.now_ms()
        self._skew_ms = skew_ms if abs(skew_ms) > SKEW_NOTICED_MS else 0
        return self._skew_ms != 0

    def _sent(self, outgoing: sigv4.Outgoing, signed: Dict[str, str]) -> Answered:
        server = endpoint(self.node.server, self.ca_file)
        connection = http.client.HTTPSConnection(
            server.host, server.port, context=server.context, timeout=TIMEOUT_S
        )
        target = f"{outgoing.path}?{outgoing.query}" if outgoing.query else outgoing.path
        headers = {**outgoing.headers, **signed}
        try:
            connection.request(outgoing.method, target, body=outgoing.body or None, headers=headers)
            response = connection.getresponse()
        except ssl.SSLCertVerificationError as wrong:
            raise StepFailed(f"the server's certificate is not trusted: {wrong.verify_message}") from None
        except (OSError, http.client.HTTPException) as wrong:
            raise StepFailed(f"cannot reach {self.node.server}: {wrong}") from None
        return Answered(response.status, {n.lower(): v for n, v in response.getheaders()}, response)


__all__ = ["Answered", "ControlPlane", "Denied"]
