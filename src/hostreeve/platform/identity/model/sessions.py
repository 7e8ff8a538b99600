"""Sessions: what their tokens say, and what is handed out once."""

from typing import Literal

from msgspec import Struct

SessionKind = Literal["role", "token", "sign-in", "federation"]
"""A role's; a user's by GetSessionToken; a user's by signing in; a federated user's by GetFederationToken."""


class Session(Struct, frozen=True, array_like=True):
    """What a session token says, sealed: everything that a replica must know to accept it.

    `owner_id` is the role or user whose policies count. `mfa_ms` is when an MFA device's code was given, 0
    for never. `claims` are condition keys that a web identity brought. Fields are only ever added at the end:
    tokens of earlier versions are still about.
    """

    access_key_id: str
    secret: str
    account: str
    owner_id: str
    name: str
    node_id: str = ""
    issued_ms: int = 0
    expires_ms: int = 0
    policies: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    kind: SessionKind = "role"
    mfa_ms: int = 0
    source_identity: str = ""
    transitive_tags: tuple[str, ...] = ()
    claims: dict[str, str] = {}


class IssuedCredentials(Struct, frozen=True, kw_only=True):
    """Temporary credentials, as they are handed out once."""

    access_key_id: str
    secret: str
    session_token: str
    expires_ms: int
