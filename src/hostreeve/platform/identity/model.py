"""Users, roles, keys, policies and sessions, with the ids and names that AWS gives them."""

import base64
import binascii
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from hostreeve.kernel.scope import GLOBAL, PARTITION, Scope
from hostreeve.kernel.world import World

Kind = Literal["user", "role"]

ADMINISTRATOR = "administrator"
NODE_ROLE = "SSMServiceRole"
NODE_SERVICE = "ssm.amazonaws.com"

KEYS_PER_USER_MAX = 2
ATTACHED_MAX = 20
SESSION_S = 3600
CHAINED_SESSION_S_MAX = 3600
SESSION_POLICY_CHARS_MAX = 2048
INLINE_CHARS_MAX: Mapping[Kind, int] = {"user": 2048, "role": 10240}
POLICY_CHARS_MAX = 6144
TRUST_CHARS_MAX = 4096

USER_KEY, SESSION_KEY, USER_ID, ROLE_ID, POLICY_ID = "AKIA", "ASIA", "AIDA", "AROA", "ANPA"
_ID_CHARS = 20
_PREFIXES = (USER_KEY, SESSION_KEY, USER_ID, ROLE_ID, POLICY_ID)
_SECRET_BYTES = 30
_NEW_FORM = 1 << 47


class Identity(Struct, frozen=True, kw_only=True):
    """A user or a role. `trust`, `description` and `max_session_s` are a role's."""

    account: str
    kind: Kind
    name: str
    path: str
    identity_id: str
    created_ms: int
    boundary_arn: str = ""
    tags: dict[str, str] = {}
    trust: str = ""
    description: str = ""
    max_session_s: int = SESSION_S

    @property
    def arn(self) -> str:
        return identity_arn(self.account, self.kind, self.path, self.name)


class AccessKey(Struct, frozen=True, kw_only=True):
    """A user's long-term key, its secret sealed. `used_ms` is 0 when it was never used."""

    account: str
    access_key_id: str
    user_id: str
    status: str
    sealed_secret: bytes
    created_ms: int
    used_ms: int = 0
    used_service: str = ""
    used_region: str = ""


class ManagedPolicy(Struct, frozen=True, kw_only=True):
    """A policy with an ARN of its own: the account's, or one of AWS's (account `aws`)."""

    account: str
    name: str
    path: str
    policy_id: str
    document: str
    description: str = ""
    tags: dict[str, str] = {}
    created_ms: int = 0

    @property
    def arn(self) -> str:
        return Scope(self.account, GLOBAL).arn("iam", f"policy{self.path}{self.name}")


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


def identity_arn(account: str, kind: Kind, path: str, name: str) -> str:
    return Scope(account, GLOBAL).arn("iam", f"{kind}{path}{name}")


def session_arn(account: str, role_name: str, session_name: str) -> str:
    return f"arn:{PARTITION}:sts::{account}:assumed-role/{role_name}/{session_name}"


def new_id(world: World, prefix: str, account: str) -> str:
    """20 characters as AWS makes them: the account's number can be read from them (`account_of`)."""
    chance = world.token(5)
    number = _NEW_FORM | int(account) << 7 | chance[0] & 0x7F
    return prefix + base64.b32encode(number.to_bytes(6, "big") + chance[1:]).decode()


def account_of(unique_id: str) -> str | None:
    """The account in an id that `new_id` made, or None."""
    if len(unique_id) != _ID_CHARS or not unique_id.startswith(_PREFIXES):
        return None
    try:
        number = int.from_bytes(base64.b32decode(unique_id[4:])[:6], "big")
    except (binascii.Error, ValueError):
        return None
    account = (number ^ _NEW_FORM) >> 7
    return f"{account:012d}" if number & _NEW_FORM and account < 10**12 else None


def new_secret(world: World) -> str:
    return base64.b64encode(world.token(_SECRET_BYTES)).decode()


def size_of(document: str) -> int:
    """AWS counts a document's characters without white space."""
    return len("".join(document.split()))
