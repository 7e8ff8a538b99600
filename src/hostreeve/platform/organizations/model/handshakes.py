"""An invitation of an account into an organization."""

from typing import Literal

from msgspec import Struct

from hostreeve.kernel.world import World
from hostreeve.platform.organizations.model.organization import letters

_ID_CHARS = 10


class Handshake(Struct, frozen=True, kw_only=True):
    """`party_id` is an account's id or an e-mail address. `forget_ms` is when it is no longer shown."""

    handshake_id: str
    organization_id: str
    party_type: Literal["ACCOUNT", "EMAIL"]
    party_id: str
    state: str = "OPEN"
    notes: str = ""
    tags: dict[str, str] = {}
    requested_ms: int
    expires_ms: int
    forget_ms: int

    def state_at(self, now_ms: int) -> str:
        return "EXPIRED" if self.state == "OPEN" and self.expires_ms <= now_ms else self.state


def new_handshake_id(world: World) -> str:
    return "h-" + letters(world, _ID_CHARS)
