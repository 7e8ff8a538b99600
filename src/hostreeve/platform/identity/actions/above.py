"""What stands above accounts: the organization's policies. The slice that keeps organizations answers."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.policy import PolicySet, compile_policy

SERVICE_LINKED_ROLE = ":role/aws-service-role/"


class Level(NamedTuple):
    """One level between the root of an organization and an account: its id, and the control policies there,
    each with the name that explanations call it."""

    node: str
    policies: tuple[tuple[str, str], ...]


class Above(Protocol):
    """Answers from the rows that the transaction sees; whoever changes them stamps the organization or the
    account."""

    def levels(self, tx: Transaction, account: str) -> Sequence[Level]:
        """What limits the account, from the root down to itself. None: nothing limits it."""
        ...

    def keys(self, tx: Transaction, account: str) -> Mapping[str, list[str]]:
        """The account's place, as condition keys have it: `OrgID` and `OrgPaths`. None: it stands alone."""
        ...

    def manages(self, tx: Transaction, manager: str, account: str) -> bool:
        """Whether `manager` is the account that manages the other one's organization, or owns the
        installation."""
        ...


class _Nothing:
    """Accounts without organizations."""

    def levels(self, tx: Transaction, account: str) -> Sequence[Level]:
        return ()

    def keys(self, tx: Transaction, account: str) -> Mapping[str, list[str]]:
        return {}

    def manages(self, tx: Transaction, manager: str, account: str) -> bool:
        return False


_above: Above = _Nothing()


def stand_under(above: Above) -> None:
    """Said once, when the program is composed."""
    global _above
    _above = above


def above() -> Above:
    return _above


def manages(tx: Transaction, manager: str, account: str) -> bool:
    """Whether `manager` manages the other account's organization, or owns the installation."""
    return _above.manages(tx, manager, account)


def control_of(tx: Transaction, account: str, role_arn: str = "") -> tuple[PolicySet, ...]:
    """The compiled levels for a caller of the account. AWS exempts service-linked roles."""
    if SERVICE_LINKED_ROLE in role_arn:
        return ()
    return tuple(_compiled(level) for level in _above.levels(tx, account))


def keys_of(tx: Transaction, account: str, resource: str) -> dict[str, list[str]]:
    """The condition keys that the places of the caller and of the resource's owner are."""
    found = {f"aws:Principal{key}": values for key, values in _above.keys(tx, account).items()}
    owner = resource.split(":", 5)[4] if resource.count(":") >= 5 else ""
    if owner:
        found["aws:ResourceAccount"] = [owner]
        found |= {f"aws:Resource{key}": values for key, values in _above.keys(tx, owner).items()}
    return found


@lru_cache(maxsize=4096)
def _compiled(level: Level) -> PolicySet:
    """Shared by all accounts of the level, and with it what was remembered about each action."""
    return PolicySet(
        (statement for name, document in level.policies for statement in compile_policy(document, name)),
        level.node,
    )
