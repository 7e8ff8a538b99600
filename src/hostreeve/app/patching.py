"""What nodes fetch to be patched: their snapshots, by addresses that hold their own leave."""

from collections.abc import Mapping

from hostreeve.api.call import Sealer
from hostreeve.capabilities import patches
from hostreeve.gateway.asgi import Page
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database


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

    return {patches.SNAPSHOTS: snapshot}


def _missing(why: str) -> HttpResponse:
    return HttpResponse(404, [("content-type", "text/plain")], why.encode() + b"\n")
