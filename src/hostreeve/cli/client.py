"""A small client of the public wire: signed JSON 1.1 calls over kept-alive TLS connections."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass
from xml.etree import ElementTree

from hostreeve.cli.settings import Keys, Settings
from hostreeve.cli.trouble import NoAnswer, Refused, refusal
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.kernel.world import World

TARGETS = {
    "ssm": "AmazonSSM",
    "hostreeve": "Hostreeve",
    "kms": "TrentService",
    "organizations": "AWSOrganizationsV20161128",
}
"""What stands before the dot of X-Amz-Target, per service."""

ANSWER_BYTES_MAX = 64 << 20
SAFE_TO_REPEAT = ("Get", "List", "Describe", "Cancel", "Explain")
ATTEMPTS = 4
OVERLOADED = frozenset(("ThrottlingException", "TooManyRequestsException", "ServiceUnavailable"))


class Client:
    """Calls of one Region with one set of credentials. May be used from several threads at once."""

    def __init__(self, settings: Settings, world: World, *, timeout_s: float = 60.0) -> None:
        self.settings = settings
        self._world = world
        self._doors: dict[str, Door] = {}
        self._ca = settings.ca_bundle()
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._never = threading.Event()

    @cached_property
    def region(self) -> str:
        return self.settings.region()

    @cached_property
    def keys(self) -> Keys:
        """Looked up when the first signed call needs them."""
        return self.settings.keys()

    def call(self, service: str, operation: str, *, signed: bool = True, **request: Any) -> dict[str, Any]:
        """One operation's answer. Members that are None are not sent. Refused, NoAnswer.

        Reads are repeated when the server is overloaded; nothing that changes something is ever sent twice.
        Not `signed`: for operations by which keys are come by.
        """
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{TARGETS[service]}.{operation}",
        }
        body = json.dumps({key: value for key, value in request.items() if value is not None}).encode()
        answer = self._answer(service, operation, headers, body, signed=signed)
        try:
            found = json.loads(answer or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NoAnswer(f"{operation} was answered with something that is not JSON.", NOT_OURS)
        return found

    def pages(self, service: str, operation: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
        """Every item of a paged list, fetched page by page as the items are taken."""
        token = None
        while True:
            page = self.call(service, operation, NextToken=token, **request)
            yield from page.get(member) or ()
            token = page.get("NextToken")
            if not token:
                return

    def caller(self) -> dict[str, str]:
        """Who the credentials belong to: Account, Arn and UserId (STS GetCallerIdentity)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        body = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
        answer = self._answer("sts", "GetCallerIdentity", headers, body)
        try:
            leaves = ElementTree.fromstring(answer).iter()
        except ElementTree.ParseError:
            raise NoAnswer(
                "GetCallerIdentity was answered with something that is not XML.", NOT_OURS
            ) from None
        return {leaf.tag.rpartition("}")[2]: leaf.text or "" for leaf in leaves if len(leaf) == 0}

    def door(self, service: str) -> Door:
        """The connections to the address that serves `service`."""
        url = self.settings.endpoint(service)
        with self._lock:
            if url not in self._doors:
                self._doors[url] = Door(url, self._ca, timeout_s=self._timeout_s)
            return self._doors[url]

    def close(self) -> None:
        for door in self._doors.values():
            door.close()

    def _answer(
        self, service: str, operation: str, headers: Mapping[str, str], body: bytes, *, signed: bool = True
    ) -> bytes:
        repeatable = operation.startswith(SAFE_TO_REPEAT)
        for attempt in range(1, ATTEMPTS + 1):
            door = self.door(service)
            sent = self._signed(door, service, headers, body) if signed else headers
            status, answered, found = door.exchange(("POST", door.path, sent, body), repeatable=repeatable)
            if status < 300:
                return found
            refused = _refusal(operation, status, answered, found)
            overloaded = refused.code in OVERLOADED or status in (502, 503, 504)
            if not (overloaded and repeatable) or attempt == ATTEMPTS:
                raise refused
            self._never.wait(0.05 * 2**attempt * (0.5 + self._world.fraction()))
        raise AssertionError("the last attempt either answers or raises")

    def _signed(self, door: Door, service: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        outgoing = Outgoing("POST", door.path, "", {**headers, "Host": door.host}, body)
        keys = Credentials(
            self.keys.access_key_id, self.keys.secret_access_key, self.keys.session_token or None
        )
        return sign_headers(outgoing, keys, region=self.region, service=service, now_ms=self._world.now_ms())


NOT_OURS = "Is AWS_ENDPOINT_URL really the address of a Hostreeve server? `hostreeve doctor` looks closer."

Request = tuple[str, str, Mapping[str, str], bytes]
Answer = tuple[int, http.client.HTTPMessage, bytes]


class Door:
    """Kept-alive connections to one address; a connection serves one request at a time."""

    def __init__(self, url: str, ca_bundle: Path | None, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if not parts.hostname or port == -1:
            raise NoAnswer(f"{url!r} is not the address of a server.", "It looks like https://HOST:8443.")
        self.url = url
        self.name = parts.hostname
        self.port = port or (443 if parts.scheme == "https" else 80)
        self.host = parts.netloc.rpartition("@")[2]
        self.path = parts.path or "/"
        self._timeout_s = timeout_s
        self.tls = tls_context(ca_bundle) if parts.scheme == "https" else None
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def exchange(self, request: Request, *, repeatable: bool) -> Answer:
        """Send a request (method, path, headers, body) and read its whole answer. NoAnswer.

        A kept connection may have been closed by the server meanwhile; then a request that may be repeated
        goes out again on a new one. What may not be repeated gets a new connection from the start.
        """
        with self._lock:
            kept = self._idle.pop() if self._idle and repeatable else None
        if kept is not None:
            try:
                return self._on(kept, request)
            except (OSError, http.client.HTTPException) as trouble:
                kept.close()
                if isinstance(trouble, TimeoutError):
                    raise unreachable(self.url, trouble) from trouble
        fresh = self._connection()
        try:
            return self._on(fresh, request)
        except (OSError, http.client.HTTPException) as trouble:
            fresh.close()
            raise unreachable(self.url, trouble) from trouble

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _on(self, connection: http.client.HTTPConnection, request: Request) -> Answer:
        method, path, headers, body = request
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        found = response.read(ANSWER_BYTES_MAX + 1)
        if len(found) > ANSWER_BYTES_MAX:
            raise http.client.HTTPException("the answer is larger than any that Hostreeve gives")
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return response.status, response.headers, found

    def _connection(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return _PromptConnection(self.name, self.port, timeout=self._timeout_s)
        proxy = _proxy(f"{self.name}:{self.port}")
        name, port = (proxy.hostname or "", proxy.port or 80) if proxy else (self.name, self.port)
        connection = _PromptTlsConnection(name, port, timeout=self._timeout_s, context=self.tls)
        if proxy:
            connection.set_tunnel(
                self.name, self.port, headers=_proxy_headers(proxy.username, proxy.password)
            )
        return connection


class _PromptConnection(http.client.HTTPConnection):
    """Sends head and body without waiting for the acknowledgement of the former."""

    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _PromptTlsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Trusts what `ca_bundle` (file or folder) holds, or the system's authorities. NoAnswer if none."""
    try:
        if ca_bundle is None:
            return ssl.create_default_context()
        if ca_bundle.is_dir():
            return ssl.create_default_context(capath=str(ca_bundle))
        return ssl.create_default_context(cafile=str(ca_bundle))
    except (OSError, ValueError) as trouble:
        raise NoAnswer(
            f"{ca_bundle} holds no usable certificates: {trouble}",
            "AWS_CA_BUNDLE must name a PEM file; the server's own is `ca.pem` in its state folder.",
        ) from None


def unreachable(url: str, trouble: Exception) -> NoAnswer:
    """What a failed connection means, and what to do about it."""
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return NoAnswer(
            f"The certificate of {url} is not accepted: {trouble.verify_message}.", _distrust(trouble)
        )
    if isinstance(trouble, ssl.SSLError):
        return NoAnswer(f"{url} does not speak TLS as it should: {trouble.reason}.", NOT_OURS)
    if isinstance(trouble, socket.gaierror):
        return NoAnswer(f"The name in {url} cannot be resolved.", "Check the host name in AWS_ENDPOINT_URL.")
    reason = trouble.strerror if isinstance(trouble, OSError) and trouble.strerror else str(trouble)
    if isinstance(trouble, TimeoutError):
        reason = "no answer in time"
    return NoAnswer(
        f"{url} cannot be reached: {reason or type(trouble).__name__}.",
        "Check that `hostreeve serve` runs there, that AWS_ENDPOINT_URL is right, "
        "and that no firewall is between.",
    )


# OpenSSL's numbers for why a certificate was not accepted.
_EXPIRED, _NOT_YET = 10, 9
_WRONG_NAME, _WRONG_ADDRESS = 62, 64


def _distrust(trouble: ssl.SSLCertVerificationError) -> str:
    if trouble.verify_code in (_EXPIRED, _NOT_YET):
        return "Compare the clocks; a restart of `hostreeve serve` renews a certificate that has run out."
    if trouble.verify_code in (_WRONG_NAME, _WRONG_ADDRESS):
        return (
            "Use a name that the certificate carries, or add this one at the server: hostreeve serve --help."
        )
    return (
        "Set AWS_CA_BUNDLE to the server's `ca.pem` (in its state folder), copied here over a way you trust."
    )


def _proxy(authority: str) -> Any:
    found = getproxies().get("https")
    if not found or proxy_bypass(authority):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _proxy_headers(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    token = base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {token}"}


def _refusal(operation: str, status: int, headers: http.client.HTTPMessage, body: bytes) -> Refused:
    code, message = _json_error(body) if body[:1] == b"{" else _xml_error(body)
    code = code or str(headers.get("X-Amzn-ErrorType") or "").partition(":")[0] or f"HTTP {status}"
    return refusal(operation, code, status, message)


def _json_error(body: bytes) -> tuple[str, str]:
    try:
        found = json.loads(body)
    except ValueError:
        return "", ""
    code = str(found.get("__type") or found.get("code") or "").rpartition("#")[2].partition(":")[0]
    return code, str(found.get("message") or found.get("Message") or "")


def _xml_error(body: bytes) -> tuple[str, str]:
    try:
        leaves = {
            leaf.tag.rpartition("}")[2]: leaf.text or "" for leaf in ElementTree.fromstring(body).iter()
        }
    except ElementTree.ParseError:
        return "", ""
    return leaves.get("Code", ""), leaves.get("Message", "")
