"""The rim: ASGI events in and out. API requests go to the pipeline, WebSockets to the channels, a few plain
pages here."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hostreeve.api.files import FilePart
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.pipeline import Pipeline
from hostreeve.kernel import limits

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Page = Callable[[HttpRequest], HttpResponse]
Socket = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_PAGES = ("/healthz", "/metrics")
OWN_FOLDER = "/_hostreeve/"
FILE_CHUNK_BYTES = 256 * 1024


class TooLarge(Exception):
    """The body went over its limit; the rest of it is not read."""


class Asgi:
    """One callable for uvicorn. `pages` are exact paths; `sockets` are path prefixes."""

    def __init__(self, pipeline: Pipeline, pages: Mapping[str, Page], sockets: Mapping[str, Socket]) -> None:
        self._pipeline = pipeline
        self._pages = pages
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope)
        try:
            request.body = await _body(receive)
        except TooLarge:
            # The connection is closed after the answer: the rest of the body is still on its way.
            await send_response(
                send, _plain(413, "The request body is larger than this server accepts."), close=True
            )
            return
        except TimeoutError:
            await send_response(send, _plain(408, "The request body did not arrive in time."), close=True)
            return
        await send_response(send, await self.respond(request))

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """The answer to a whole request."""
        # Only these very pages: a bucket in path style may be named metrics-of-2026.
        if request.path in OWN_PAGES or request.path.startswith(OWN_FOLDER):
            page = self._pages.get(request.path)
            return page(request) if page else _plain(404, "There is no such page.")
        return await self._pipeline.answer(request)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        for prefix, socket in self._sockets.items():
            if scope["path"].startswith(prefix):
                await socket(scope, receive, send)
                return
        await receive()
        await send({"type": "websocket.close", "code": 1008})


def request_of(scope: Scope) -> HttpRequest:
    """The request head as it stood on the wire: raw path and query, header values stripped."""
    client = scope.get("client")
    return HttpRequest(
        method=scope.get("method", "GET"),
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(k.decode("latin-1"), v.decode("latin-1").strip()) for k, v in scope["headers"]],
        client=client[0] if client else "",
    )


async def _body(receive: Receive) -> bytes:
    async with asyncio.timeout(limits.REQUEST_BODY_S_MAX):
        return await _whole_body(receive)


async def _whole_body(receive: Receive) -> bytes:
    async with asyncio.timeout(limits.REQUEST_BODY_IDLE_S):
        event = await receive()
    body: bytes = event.get("body", b"")
    if not event.get("more_body"):
        return body
    parts, size = [body], len(body)
    while event.get("more_body"):
        # Not wait_for: until Python 3.12 it may lose the cancellation with which the time for all ends it.
        async with asyncio.timeout(limits.REQUEST_BODY_IDLE_S):
            event = await receive()
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        if size > limits.REQUEST_BODY_BYTES_MAX:
            raise TooLarge
    return b"".join(parts)


async def send_response(send: Send, response: HttpResponse, *, close: bool = False) -> None:
    """The answer as ASGI events."""
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", b"%d" % response.size_bytes))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    for part in response.files:
        await _send_part(send, part)
    await send({"type": "http.response.body", "body": response.body})


async def _send_part(send: Send, part: FilePart) -> None:
    """One file after another, a chunk at a time and each when the one before is on its way."""
    chunks = part.chunks(FILE_CHUNK_BYTES)
    while chunk := await asyncio.to_thread(next, chunks, b""):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


def _plain(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, [("content-type", "text/plain; charset=utf-8")], text.encode() + b"\n")
