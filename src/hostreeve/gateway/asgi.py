"""The rim: ASGI events in and out. API requests go to the pipeline, WebSockets to the channels, a few plain
pages here."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hostreeve.api.files import FilePart
from hostreeve.gateway.bodies import Bodies, Crowded, Held, TooLarge
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.pipeline import Pipeline
from hostreeve.kernel import limits

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Page = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]
Socket = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_PAGES = ("/healthz", "/metrics")
OWN_FOLDER = "/_hostreeve/"
FILE_CHUNK_BYTES = 256 * 1024


class Asgi:
    """One callable for uvicorn. `pages` are exact paths, or folders, which end with a slash; `sockets` are
    path prefixes."""

    def __init__(self, pipeline: Pipeline, pages: Mapping[str, Page], sockets: Mapping[str, Socket]) -> None:
        self._pipeline = pipeline
        self._pages = pages
        self._sockets = sockets
        self.bodies = Bodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope)
        with self.bodies.of(request.client) as held:
            try:
                refusal = await self._read(request, receive, held)
            except TooLarge:
                refusal = _plain(413, "The request body is larger than this server accepts.")
            except TimeoutError:
                refusal = _plain(408, "The request body did not arrive in time.")
            except Crowded:
                refusal = self._pipeline.crowded(request)
            except ConnectionResetError:
                return
            if refusal is None:
                await send_response(send, await self.respond(request))
            else:
                # The connection is closed after the answer: the rest of the body is still on its way.
                await send_response(send, refusal, close=True)

    async def _read(self, request: HttpRequest, receive: Receive, held: Held) -> HttpResponse | None:
        """Fill in the body, or answer why the rest of it is not read."""
        async with asyncio.timeout(limits.REQUEST_BODY_S_MAX):
            event = await _next(receive)
            parts = [event.get("body", b"")]
            # What came in one piece is as large as a socket's buffer, and here already.
            if event.get("more_body"):
                held.take(len(parts[0]))
                is_known = False
                while event.get("more_body"):
                    event = await _next(receive)
                    held.take(len(event.get("body", b"")))
                    if not (is_known or held.is_small):
                        refusal = await self._against(request)
                        if refusal is not None:
                            return refusal
                        is_known = True
                    parts.append(event.get("body", b""))
        request.body = b"".join(parts)
        return None

    async def _against(self, request: HttpRequest) -> HttpResponse | None:
        """Why a long body is not worth reading: pages take none, the API none from strangers."""
        if _is_page(request.path):
            return _plain(413, "Pages take no such body.")
        return await self._pipeline.against(request)

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """The answer to a whole request."""
        # Only these very pages: a bucket in path style may be named metrics-of-2026.
        if _is_page(request.path):
            folder = request.path[: request.path.rindex("/") + 1]
            page = self._pages.get(request.path) or self._pages.get(folder)
            if page is None:
                return _plain(404, "There is no such page.")
            answer = page(request)
            return answer if isinstance(answer, HttpResponse) else await answer
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


async def _next(receive: Receive) -> dict[str, Any]:
    # Not wait_for: until Python 3.12 it may lose the cancellation with which the time for all ends it.
    async with asyncio.timeout(limits.REQUEST_BODY_IDLE_S):
        event = await receive()
    if event["type"] == "http.disconnect":
        raise ConnectionResetError("the client left in the middle of its request")
    return event


def _is_page(path: str) -> bool:
    return path in OWN_PAGES or path.startswith(OWN_FOLDER)


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
