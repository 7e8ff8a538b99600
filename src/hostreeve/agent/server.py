"""The server as the agent calls it: JSON operations and the control channel's call, signed in three ways."""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union
from urllib.parse import quote

from hostreeve.agent import children
from hostreeve.agent.http import Exchange, Request, Response
from hostreeve.agent.loop import Loop
from hostreeve.agent.machine import AGENT_NAME, AGENT_VERSION
from hostreeve.agent.stream import Endpoint, Unreachable
from hostreeve.contract import jobs, sigv4

USER_AGENT = f"{AGENT_NAME}/{AGENT_VERSION}"
SSM = ("ssm", "AmazonSSM")
MESSAGES = ("ec2messages", "EC2WindowsMessageDeliveryService")

SKEW_NOTICED_MS = 60_000


class Denied(Exception):
    """The server answered with an error. `code` is AWS's name for it."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code, self.status = code, status

    @property
    def is_temporary(self) -> bool:
        """The same request may succeed later."""
        return self.status >= 500 or self.status == 429 or "Throttl" in self.code


Answer = Union[Dict[str, Any], Denied, Unreachable]
Answered = Callable[[Answer], None]


class Server:
    """Sends requests to one endpoint. `credentials` is set by whoever keeps them."""

    def __init__(self, loop: Loop, endpoint: Endpoint, region: str) -> None:
        self.loop, self.endpoint, self.region = loop, endpoint, region
        self.credentials: Optional[sigv4.Credentials] = None
        self._skew_ms = 0

    def call(
        self,
        service: Tuple[str, str],
        operation: str,
        members: Dict[str, Any],
        answered: Answered,
        *,
        timeout_s: float = 30.0,
    ) -> Exchange:
        """A call with the role's credentials. A cancelled exchange does not call `answered`."""
        outgoing = self._json_request(service[1], operation, members)
        return self._send(outgoing, self._signed(outgoing, service[0]), _reader(answered), timeout_s)

    def call_anonymously(self, operation: str, members: Dict[str, Any], answered: Answered) -> None:
        outgoing = self._json_request(SSM[1], operation, members)
        self._send(outgoing, dict(outgoing.headers), _reader(answered), 60.0)

    def call_with_machine_key(
        self, operation: str, members: Dict[str, Any], answered: Answered, *, key: Tuple[str, str]
    ) -> None:
        """`key` is (node id, path of the machine key)."""
        outgoing = self._json_request(SSM[1], operation, members)
        unsigned = sigv4.machine_key_request(
            outgoing, sigv4.KeyHolder(key[0], self.region), now_ms=self._now_ms()
        )

        def signed(code: int, output: bytes, errors: bytes) -> None:
            if code != 0:
                answered(
                    Unreachable(f"the machine key cannot sign: {errors.decode(errors='replace').strip()}")
                )
                return
            headers = unsigned.signed_by(b64decode(output))
            self._send(outgoing, headers, _reader(answered), 30.0)

        argv = [*children.our_python("hostreeve.agent.machine_key"), "sign", key[1]]
        try:
            children.run(self.loop, argv, unsigned.string_to_sign, signed)
        except OSError as wrong:
            answered(Unreachable(f"cannot start {argv[0]} to sign with the machine key: {wrong}"))

    def create_control_channel(
        self, node_id: str, answered: Callable[[Union[str, Denied, Unreachable]], None]
    ) -> None:
        """The channel's token. The official service answers 201 and XML."""
        body = jobs.to_json({"MessageSchemaVersion": "1.0", "RequestId": self.loop.world.uuid()})
        headers = {
            "Host": self.endpoint.authority,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
        }
        outgoing = sigv4.Outgoing("POST", jobs.CONTROL_CHANNEL_PATH + quote(node_id), "", headers, body)

        def read(outcome: Union[Response, Unreachable]) -> None:
            if isinstance(outcome, Unreachable):
                answered(outcome)
            elif outcome.status == 201 and _element(outcome.body, "TokenValue"):
                answered(_element(outcome.body, "TokenValue"))
            else:
                answered(refusal(outcome.status, outcome.headers, outcome.body))

        self._send(outgoing, self._signed(outgoing, "ssmmessages"), read, 15.0)

    def channel_headers(self, node_id: str) -> Tuple[str, Dict[str, str]]:
        """Target and signed headers of the WebSocket upgrade."""
        path = jobs.CONTROL_CHANNEL_PATH + quote(node_id)
        headers = {"Host": self.endpoint.authority, "User-Agent": USER_AGENT}
        outgoing = sigv4.Outgoing("GET", path, jobs.CONTROL_CHANNEL_QUERY, headers)
        return f"{path}?{jobs.CONTROL_CHANNEL_QUERY}", self._signed(outgoing, "ssmmessages")

    def _json_request(self, target: str, operation: str, members: Dict[str, Any]) -> sigv4.Outgoing:
        headers = {
            "Host": self.endpoint.authority,
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{target}.{operation}",
            "User-Agent": USER_AGENT,
        }
        return sigv4.Outgoing("POST", "/", "", headers, jobs.to_json(members))

    def _signed(self, outgoing: sigv4.Outgoing, service: str) -> Dict[str, str]:
        assert self.credentials is not None, "nothing is signed before there are credentials"
        return sigv4.sign_headers(
            outgoing, self.credentials, region=self.region, service=service, now_ms=self._now_ms()
        )

    def _now_ms(self) -> int:
        return self.loop.world.now_ms() + self._skew_ms

    def _send(
        self,
        outgoing: sigv4.Outgoing,
        headers: Dict[str, str],
        read: Callable[[Union[Response, Unreachable]], None],
        timeout_s: float,
    ) -> Exchange:
        target = f"{outgoing.path}?{outgoing.query}" if outgoing.query else outgoing.path

        def arrived(outcome: Union[Response, Unreachable]) -> None:
            if isinstance(outcome, Response):
                self._notice_skew(outcome.headers.get("date", ""))
            read(outcome)

        return Exchange(
            self.loop,
            self.endpoint,
            Request(outgoing.method, target, headers, outgoing.body),
            arrived,
            timeout_s=timeout_s,
        )

    def _notice_skew(self, date: str) -> None:
        # A signature is good for minutes. A node whose clock is wrong signs with the server's clock instead,
        # which TLS has authenticated.
        server_ms = http_date_ms(date)
        if server_ms is None:
            return
        skew_ms = server_ms - self.loop.world.now_ms()
        self._skew_ms = skew_ms if abs(skew_ms) > SKEW_NOTICED_MS else 0


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date_ms(text: str) -> Optional[int]:
    """Milliseconds of `Sun, 06 Nov 1994 08:49:37 GMT`; None for anything else."""
    from datetime import datetime, timezone

    words: List[str] = text.replace(":", " ").split()
    try:
        _, day, month, year, hour, minute, second, _ = words
        at = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=timezone.utc,
        )
    except ValueError:
        return None
    return round(at.timestamp() * 1000)


def _reader(answered: Answered) -> Callable[[Union[Response, Unreachable]], None]:
    def read(outcome: Union[Response, Unreachable]) -> None:
        if isinstance(outcome, Unreachable):
            answered(outcome)
        elif outcome.status == 200:
            try:
                answered(jobs.object_in(outcome.body))
            except ValueError:
                answered(Unreachable("the server's answer is not JSON"))
        else:
            answered(refusal(outcome.status, outcome.headers, outcome.body))

    return read


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Denied:
    """The error in a JSON or XML body; a proxy's page has none. Header names are lower-case."""
    try:
        members = jobs.object_in(body)
        named = members.get("__type") or members.get("code") or headers.get("x-amzn-errortype") or ""
        code = str(named).partition(":")[0].rpartition("#")[2]
        message = str(members.get("message") or members.get("Message") or "")
    except ValueError:
        code = _element(body, "Code") or headers.get("x-amzn-errortype", "")
        message = _element(body, "Message")
        # The control channel's errors name the exception by the element itself.
        if not code and b"<AccessDeniedException" in body:
            code = "AccessDeniedException"
    return Denied(code or f"HTTP {status}", message, status)


def _element(body: bytes, name: str) -> str:
    text = body.decode("utf-8", errors="replace")
    _, found, rest = text.partition(f"<{name}>")
    value, ended, _ = rest.partition(f"</{name}>")
    if not found or not ended:
        return ""
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        value = value.replace(entity, character)
    return value.strip()
