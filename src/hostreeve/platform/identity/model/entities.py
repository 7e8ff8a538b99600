"""Users, groups and roles, users' access keys, and the names that AWS gives them."""

from typing import Literal

from msgspec import Struct

from hostreeve.kernel.scope import GLOBAL, PARTITION, Scope

Kind = Literal["user", "group", "role"]
KINDS: tuple[Kind, ...] = ("user", "group", "role")
PRINCIPAL_KINDS: tuple[Kind, ...] = ("user", "role")
"""Those that act. Groups hold policies for users, and are nobody themselves."""

DEFAULT_SESSION_S = 3600

ADMINISTRATOR = "administrator"
NODE_ROLE = "SSMServiceRole"
NODE_SERVICE = "ssm.amazonaws.com"


class Identity(Struct, frozen=True, kw_only=True):
    """A user, a group or a role. Tags and `boundary_arn` are for users and roles; `trust`, `description` and
    `max_session_s` are a role's."""

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
    max_session_s: int = DEFAULT_SESSION_S

    @property
    def arn(self) -> str:
        return identity_arn(self.account, self.kind, self.path, self.name)


class InstanceProfile(Struct, frozen=True, kw_only=True):
    """What hands a role to an instance. `role_id` is empty while it holds none."""

    account: str
    name: str
    path: str
    profile_id: str
    created_ms: int
    tags: dict[str, str] = {}
    role_id: str = ""

    @property
    def arn(self) -> str:
        return instance_profile_arn(self.account, self.path, self.name)


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


def identity_arn(account: str, kind: Kind, path: str, name: str) -> str:
    return Scope(account, GLOBAL).arn("iam", f"{kind}{path}{name}")


def instance_profile_arn(account: str, path: str, name: str) -> str:
    return Scope(account, GLOBAL).arn("iam", f"instance-profile{path}{name}")


def session_arn(account: str, role_name: str, session_name: str) -> str:
    return f"arn:{PARTITION}:sts::{account}:assumed-role/{role_name}/{session_name}"


def federated_arn(account: str, name: str) -> str:
    return f"arn:{PARTITION}:sts::{account}:federated-user/{name}"
