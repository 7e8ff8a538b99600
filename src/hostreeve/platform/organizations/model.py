"""The organization and its accounts."""

from msgspec import Struct

from hostreeve.kernel.scope import PARTITION
from hostreeve.kernel.world import World

ACCESS_ROLE = "OrganizationAccountAccessRole"
MANAGEMENT_NAME = "management"
MAIL_DOMAIN = "hostreeve.invalid"
"""For accounts made without an address: reserved, so that no mail ever reaches anybody (RFC 2606)."""

_SUFFIX_DIGITS = 10
_ROOT_DIGITS = 4
_REQUEST_DIGITS = 32


class Organization(Struct, frozen=True, kw_only=True):
    """The one organization of an installation."""

    organization_id: str
    root_id: str
    management_account: str
    created_ms: int

    @property
    def arn(self) -> str:
        return f"{self._prefix}:organization/{self.organization_id}"

    def account_arn(self, account: str) -> str:
        return f"{self._prefix}:account/{self.organization_id}/{account}"

    @property
    def _prefix(self) -> str:
        return f"arn:{PARTITION}:organizations::{self.management_account}"


class Account(Struct, frozen=True, kw_only=True):
    """An account of the organization. The management account joined by `INVITED`, as AWS shows it."""

    account: str
    name: str
    email: str
    status: str = "ACTIVE"
    joined_method: str = "CREATED"
    joined_ms: int


class AccountRequest(Struct, frozen=True, kw_only=True):
    """An account that was asked for. `account` is empty when it failed, `failure` says why."""

    request_id: str
    account: str
    name: str
    state: str
    failure: str = ""
    requested_ms: int
    completed_ms: int


def new_organization(world: World, management_account: str) -> Organization:
    return Organization(
        organization_id="o-" + world.hex(_SUFFIX_DIGITS),
        root_id="r-" + world.hex(_ROOT_DIGITS),
        management_account=management_account,
        created_ms=world.now_ms(),
    )


def new_account_id(world: World) -> str:
    """Twelve digits, the first not 0: spreadsheets and shells would lose it."""
    return str(10**11 + int.from_bytes(world.token(8), "big") % (9 * 10**11))


def new_request_id(world: World) -> str:
    return "car-" + world.hex(_REQUEST_DIGITS)


def default_email(account: str) -> str:
    return f"{account}@{MAIL_DOMAIN}"
