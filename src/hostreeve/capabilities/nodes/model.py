"""Managed nodes and the activations that let machines become one: values, ids, and the rule of presence."""

import hashlib
import hmac
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import Struct, field

from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World

DAY_MS = 86_400_000
ACTIVATION_DEFAULT_MS = DAY_MS
ACTIVATION_MAX_MS = 30 * DAY_MS
REGISTRATIONS_DEFAULT = 1

CODE_CHARACTERS = 20
_CODE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

TOKEN_S = 3600
"""How long a node's role credentials live; the official agent renews them at half of that."""

KEY_ROTATED_AFTER_MS = 180 * DAY_MS
"""A machine key this old is asked to change with the next role token."""

RSA_BITS_MIN = 2048
RSA_BITS_MAX = 8192

SERVICE_PRINCIPAL = "ssm.amazonaws.com"


class PingStatus(StrEnum):
    """Whether a node is there. AWS's third value, Inactive, is accepted in filters and never shown."""

    ONLINE = "Online"
    CONNECTION_LOST = "ConnectionLost"
    INACTIVE = "Inactive"


class Presence(Struct):
    """When a node counts as lost: the one policy of this process, which its configuration may change."""

    lost_after_ms: int = 2 * 300_000
    """Without an open channel: two missed heartbeats of five minutes."""


PRESENCE = Presence()


class Activation(Struct, frozen=True, kw_only=True):
    """An activation as stored: its code only as a hash."""

    account: str
    region: str
    activation_id: str
    code_hash: bytes
    description: str
    default_instance_name: str
    iam_role: str
    registration_limit: int
    registrations_count: int
    expires_ms: int
    created_ms: int
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    def is_opened_by(self, code: str) -> bool:
        return hmac.compare_digest(self.code_hash, code_hash(code))


class Node(Struct, frozen=True, kw_only=True):
    """A managed node. Texts that its agent has not reported are empty; `last_seen_ms` 0 means never seen."""

    account: str
    region: str
    node_id: str
    activation_id: str
    iam_role: str
    name: str
    registered_ms: int
    last_seen_ms: int
    ping_status: PingStatus
    is_connected: bool
    agent_name: str
    agent_status: str
    agent_version: str
    platform_type: str
    platform_name: str
    platform_version: str
    computer_name: str
    ip_address: str
    availability_zone: str
    availability_zone_id: str

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def arn(self) -> str:
        return node_arn(self.scope, self.node_id)


class MachineKey(Struct, frozen=True, kw_only=True):
    """How a machine proves that it is the node: a public key (DER) and the fingerprint it registered with."""

    account: str
    region: str
    node_id: str
    iam_role: str
    fingerprint: str
    public_key: bytes
    key_changed_ms: int


def new_node_id(world: World) -> str:
    return "mi-" + world.hex(17)


def new_activation_code(world: World) -> str:
    return "".join(_CODE_ALPHABET[byte & 63] for byte in world.token(CODE_CHARACTERS))


def code_hash(code: str) -> bytes:
    """A plain hash is enough: a code has 120 random bits."""
    return hashlib.sha256(code.encode()).digest()


def node_arn(scope: Scope, node_id: str) -> str:
    """An EC2 instance's ARN, or a managed node's."""
    return scope.machine_arn(node_id)


def is_instance(node_id: str) -> bool:
    """Whether the node is an EC2 instance, which EC2 tags and describes."""
    return node_id.startswith("i-")


def is_fit(public_key: bytes) -> bool:
    """Whether this is a DER public key that a machine may sign with."""
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(key, RSAPublicKey) and RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX


def ping_status(*, is_connected: bool, last_seen_ms: int, now_ms: int) -> PingStatus:
    """Online while a channel is open, and for a while after the last sign of life."""
    if is_connected or last_seen_ms > now_ms - PRESENCE.lost_after_ms:
        return PingStatus.ONLINE
    return PingStatus.CONNECTION_LOST
