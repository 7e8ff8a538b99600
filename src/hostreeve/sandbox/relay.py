"""The one way out of a sandbox: a Unix socket whose every connection ends at the control plane's port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from hostreeve.sandbox.script import Endpoint

CONNECTIONS_MAX = 32
CHUNK = 65536


@contextlib.asynccontextmanager
async def relaying(endpoint: Endpoint | None, path: Path) -> AsyncIterator[None]:
    """`path` leads to `endpoint` while this lasts; more than `CONNECTIONS_MAX` at once are closed."""
    if endpoint is None:
        yield
        return
    under_way: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(under_way) >= CONNECTIONS_MAX:
            writer.close()
            return
        task = asyncio.create_task(_join(endpoint, reader, writer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    server = await asyncio.start_unix_server(accepted, path)
    try:
        yield
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _join(endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there, back = await asyncio.open_connection(endpoint.address, endpoint.port)
    except OSError:
        writer.close()
        return
    try:
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
    finally:
        writer.close()
        back.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
