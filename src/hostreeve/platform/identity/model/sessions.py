"""Sessions: what their tokens say, and what is handed out once."""

from msgspec import Struct


class Session(Struct, frozen=True, array_like=True):
    """What a session token says, sealed: everything that a replica must know to accept it."""

    access_key_id: str
    secret: str
    account: str
    role_id: str
    name: str
    node_id: str
    issued_ms: int
    expires_ms: int
    policies: tuple[str, ...] = ()
    tags: dict[str, str] = {}


class IssuedCredentials(Struct, frozen=True, kw_only=True):
    """Temporary credentials, as they are handed out once."""

    access_key_id: str
    secret: str
    session_token: str
    expires_ms: int
