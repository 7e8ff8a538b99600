"""What nodes fetch to be patched: the payload, and their snapshots by addresses that hold their own leave."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from hostreeve.api.call import Sealer
from hostreeve.capabilities import patches
from hostreeve.gateway.asgi import Page
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.kernel.world import World
from hostreeve.patcher.payload import payload_bytes
from hostreeve.persistence.database import Database


class Payload(NamedTuple):
    """What runs on nodes, and how it is known."""

    content: bytes
    sha256: str


@cache
def payload() -> Payload:
    """The one of this program. It is made when it is first needed."""
    content = payload_bytes()
    return Payload(content, hashlib.sha256(content).hexdigest())


def run_script() -> Sequence[str]:
    """The lines of the documents' scripts that fetch it."""
    return patches.script(payload().sha256)


def served(database: Database, keys: Sealer, world: World) -> Mapping[str, Page]:
    """Path -> page. A snapshot's address is known to nobody but the node that it was given to."""

    async def snapshot(request: HttpRequest) -> HttpResponse:
        ticket = patches.opened(keys, request.path)
        if ticket is None:
            return _missing("This is no address of a patch snapshot.")
        now_ms = world.now_ms()
        content = await database.read(lambda tx: patches.handed_out(tx, ticket, now_ms))
        if content is None:
            return _missing("This address of a patch snapshot has expired: ask for another one.")
        return HttpResponse(200, [("content-type", "application/json")], content)

    return {patches.SNAPSHOTS: snapshot, patches.PAYLOADS: _payload}


def _payload(request: HttpRequest) -> HttpResponse:
    """Public: it holds no secret, and who fetches it knows its hash."""
    known = payload()
    if request.path != f"{patches.PAYLOADS}{known.sha256}.pyz":
        return _missing("This server has another patch payload: send the command again.")
    return HttpResponse(200, [("content-type", "application/octet-stream")], known.content)


def _missing(why: str) -> HttpResponse:
    return HttpResponse(404, [("content-type", "text/plain")], why.encode() + b"\n")
