"""An organization, its root, its units and its accounts, with the ids and ARNs that AWS gives them."""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from hostreeve.kernel.scope import GLOBAL, PARTITION, Scope
from hostreeve.kernel.world import World

ACCESS_ROLE = "OrganizationAccountAccessRole"
MANAGEMENT_NAME = "management"
MAIL_DOMAIN = "hostreeve.invalid"
"""For accounts made without an address: reserved, so that no mail ever reaches anybody (RFC 2606)."""

DEPTH_MAX = 5
"""Levels of organizational units below the root."""

UNITS_MAX = 2000
CLOSED_MS = 90 * 24 * 3600 * 1000
"""How long a closed account stays in its organization before it is gone."""

Status = Literal["ACTIVE", "PENDING_CLOSURE", "SUSPENDED"]

_ACCOUNT = re.compile(r"[0-9]{12}")
_SUFFIX_CHARS = 10
_ROOT_CHARS = 4
_UNIT_CHARS = 8
_REQUEST_DIGITS = 32
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Organization(Struct, frozen=True, kw_only=True):
    """The accounts of one management account."""

    organization_id: str
    root_id: str
    management_account: str
    created_ms: int

    @property
    def scope(self) -> Scope:
        """Where the tags of what belongs to the organization are kept."""
        return Scope(self.management_account, GLOBAL)

    @property
    def arn(self) -> str:
        return f"{self._prefix}:organization/{self.organization_id}"

    @property
    def root_arn(self) -> str:
        return f"{self._prefix}:root/{self.organization_id}/{self.root_id}"

    def account_arn(self, account: str) -> str:
        return f"{self._prefix}:account/{self.organization_id}/{account}"

    def unit_arn(self, unit_id: str) -> str:
        return f"{self._prefix}:ou/{self.organization_id}/{unit_id}"

    def policy_arn(self, policy_type: str, policy_id: str) -> str:
        return f"{self._prefix}:policy/{self.organization_id}/{policy_type.lower()}/{policy_id}"

    def own_policy_arn(self, policy_id: str) -> str:
        return f"{self._prefix}:resourcepolicy/{self.organization_id}/{policy_id}"

    def handshake_arn(self, handshake_id: str) -> str:
        return f"{self._prefix}:handshake/{self.organization_id}/invite/{handshake_id}"

    def node_arn(self, node_id: str) -> str:
        """Of a root, an organizational unit or an account, as its id tells."""
        if is_account(node_id):
            return self.account_arn(node_id)
        kind = "root" if node_id.startswith("r-") else "ou"
        return f"{self._prefix}:{kind}/{self.organization_id}/{node_id}"

    @property
    def _prefix(self) -> str:
        return f"arn:{PARTITION}:organizations::{self.management_account}"


class Account(Struct, frozen=True, kw_only=True):
    """An account of the installation. The management account joined by `INVITED`, as AWS shows it.

    `organization_id` and `parent_id` are empty for an account that stands alone; `closed_ms` is 0 for an open
    one.
    """

    account: str
    name: str
    email: str
    status: Status = "ACTIVE"
    joined_method: str = "CREATED"
    joined_ms: int
    organization_id: str = ""
    parent_id: str = ""
    closed_ms: int = 0


class Unit(Struct, frozen=True, kw_only=True):
    """An organizational unit; its parent is the root or another unit."""

    organization_id: str
    unit_id: str
    parent_id: str
    name: str
    created_ms: int


class AccountRequest(Struct, frozen=True, kw_only=True):
    """An account that was asked for. `account` is empty until there is one; `failure` says why there is
    none."""

    request_id: str
    organization_id: str
    account: str = ""
    name: str
    email: str
    role_name: str
    tags: dict[str, str] = {}
    state: str = "IN_PROGRESS"
    failure: str = ""
    requested_ms: int
    completed_ms: int = 0


def new_organization(world: World, management_account: str) -> Organization:
    return Organization(
        organization_id="o-" + letters(world, _SUFFIX_CHARS),
        root_id="r-" + letters(world, _ROOT_CHARS),
        management_account=management_account,
        created_ms=world.now_ms(),
    )


def new_unit_id(world: World, root_id: str) -> str:
    """The root's own part stands in the ids of all its units."""
    return f"ou-{root_id.removeprefix('r-')}-{letters(world, _UNIT_CHARS)}"


def new_account_id(world: World) -> str:
    """Twelve digits, the first not 0: spreadsheets and shells would lose it."""
    return str(10**11 + int.from_bytes(world.token(8), "big") % (9 * 10**11))


def new_request_id(world: World) -> str:
    return "car-" + world.hex(_REQUEST_DIGITS)


def default_email(account: str) -> str:
    return f"{account}@{MAIL_DOMAIN}"


def is_account(node_id: str) -> bool:
    return _ACCOUNT.fullmatch(node_id) is not None


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def letters(world: World, count: int) -> str:
    """By chance, small letters and digits, as in AWS's ids."""
    number = int.from_bytes(world.token(count), "big")
    found = ""
    for _ in range(count):
        number, digit = divmod(number, len(_LETTERS))
        found += _LETTERS[digit]
    return found
