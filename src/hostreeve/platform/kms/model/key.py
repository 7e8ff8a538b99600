"""A key, the names it goes by, and what AWS callers are shown of it."""

import re
from typing import Any, NamedTuple

from msgspec import Struct

from hostreeve.kernel.scope import Scope
from hostreeve.platform.kms.model.specs import ENCRYPT, MAC, SIGN, SPECS, SYMMETRIC, Spec

CUSTOMER, AWS = "CUSTOMER", "AWS"
ENABLED, DISABLED, PENDING_DELETION = "Enabled", "Disabled", "PendingDeletion"
ALIAS, RESERVED_ALIAS = "alias/", "alias/aws/"

DAY_MS = 86_400_000
WINDOW_DAYS_LEAST, WINDOW_DAYS_MOST = 7, 30
ROTATION_DAYS = 365
ALIASES_MAX = 50
KEYS_MAX = 100_000
ON_DEMAND_MAX = 25
CONTEXT_BYTES_MAX = 8192
POLICY_CHARS_MAX = 32_768
PLAINTEXT_BYTES_MAX = 4096

_ARN = re.compile(r"arn:aws[\w-]*:kms:(?P<region>[\w-]+):(?P<account>\d{12}):(?P<resource>(?:key|alias)/.+)")
_ALIAS_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+")
_USAGE_MEMBERS = {ENCRYPT: "EncryptionAlgorithms", SIGN: "SigningAlgorithms", MAC: "MacAlgorithms"}


class Key(Struct, frozen=True, kw_only=True):
    """A key without its secrets. `material` is the number of its newest; `rotation_days` is 0 when nothing
    rotates it by itself."""

    account: str
    region: str
    key_id: str
    description: str
    usage: str
    spec: str
    manager: str
    state: str
    policy: str
    material: int
    created_ms: int
    deletion_ms: int | None = None
    rotation_days: int = 0
    next_rotation_ms: int | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def arn(self) -> str:
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.key_id}"

    @property
    def kind(self) -> Spec:
        return SPECS[self.spec]

    @property
    def is_symmetric(self) -> bool:
        return self.spec == SYMMETRIC


class Material(Struct, frozen=True, kw_only=True):
    """One secret of a key, sealed. `public_key` is the DER of an asymmetric key's public half, else empty."""

    number: int
    material_id: str
    sealed: bytes
    public_key: bytes
    created_ms: int
    rotation_type: str = ""


class Alias(Struct, frozen=True, kw_only=True):
    """Another name of a key."""

    name: str
    key_id: str
    created_ms: int
    updated_ms: int


class Name(NamedTuple):
    """A KeyId as callers write it, taken apart: `resource` is `key/…` or `alias/…`."""

    scope: Scope
    resource: str

    @property
    def arn(self) -> str:
        return self.scope.arn("kms", self.resource)

    @property
    def is_alias(self) -> bool:
        return self.resource.startswith(ALIAS)


def named(here: Scope, key_id: str) -> Name | None:
    """A key's id or ARN, an alias's name or ARN. None for an ARN that is not one of a key or alias."""
    if key_id.startswith("arn:"):
        match = _ARN.fullmatch(key_id)
        return Name(Scope(match["account"], match["region"]), match["resource"]) if match else None
    return Name(here, key_id if key_id.startswith(ALIAS) else f"key/{key_id}")


def is_alias_name(text: str) -> bool:
    return _ALIAS_NAME.fullmatch(text) is not None


def described(key: Key, material_id: str) -> dict[str, Any]:
    """KeyMetadata."""
    shown: dict[str, Any] = {
        "AWSAccountId": key.account,
        "KeyId": key.key_id,
        "Arn": key.arn,
        "CreationDate": key.created_ms / 1000,
        "Enabled": key.state == ENABLED,
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": "AWS_KMS",
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": False,
        _USAGE_MEMBERS[key.usage]: list(key.kind.algorithms(key.usage)),
    }
    if key.is_symmetric:
        shown["CurrentKeyMaterialId"] = material_id
    if key.deletion_ms is not None:
        shown["DeletionDate"] = key.deletion_ms / 1000
    return shown
