"""The tree of an organization: what lies where, and what may be put there."""

from hostreeve.api.call import Call
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity
from hostreeve.platform.organizations.actions.furnishing import furnish
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import (
    DEPTH_MAX,
    UNITS_MAX,
    Account,
    Organization,
    Unit,
    is_account,
    new_unit_id,
)
from hostreeve.platform.organizations.store import accounts, policies, trees


def account_in(tx: Transaction, organization: Organization, account_id: str) -> Account | None:
    """An account of this organization; those of others are none."""
    found = accounts.find(tx, account_id)
    is_member = found is not None and found.organization_id == organization.organization_id
    return found if is_member else None


def fetch_account(tx: Transaction, organization: Organization, account_id: str) -> Account:
    found = account_in(tx, organization, account_id)
    if found is None:
        raise refusals.no_account()
    return found


def fetch_unit(tx: Transaction, organization: Organization, unit_id: str) -> Unit:
    found = trees.unit(tx, organization.organization_id, unit_id)
    if found is None:
        raise refusals.no_unit()
    return found


def is_parent(tx: Transaction, organization: Organization, parent_id: str) -> bool:
    """Whether it is the organization's root or one of its units."""
    if parent_id == organization.root_id:
        return True
    return trees.unit(tx, organization.organization_id, parent_id) is not None


def require_parent(tx: Transaction, organization: Organization, parent_id: str) -> None:
    if not is_parent(tx, organization, parent_id):
        raise refusals.no_parent()


def has_node(tx: Transaction, organization: Organization, node_id: str) -> bool:
    """Whether it is the root, a unit or an account of the organization."""
    if is_account(node_id):
        return account_in(tx, organization, node_id) is not None
    return is_parent(tx, organization, node_id)


def path_of(tx: Transaction, organization: Organization, node_id: str) -> list[str]:
    """The ids from the root down to the node, itself included. The node is in the organization."""
    path = [node_id]
    if is_account(node_id):
        account = account_in(tx, organization, node_id)
        assert account is not None, "the caller has looked"
        path.append(account.parent_id)
    while path[-1] != organization.root_id:
        unit = trees.unit(tx, organization.organization_id, path[-1])
        assert unit is not None, "a parent is the root or a unit of the same organization"
        path.append(unit.parent_id)
    return path[::-1]


def create_unit(call: Call, organization: Organization, parent_id: str, name: str) -> Unit:
    require_parent(call.tx, organization, parent_id)
    if len(path_of(call.tx, organization, parent_id)) > DEPTH_MAX:
        raise refusals.constraint(
            "OU_DEPTH_LIMIT_EXCEEDED",
            f"You have exceeded the maximum depth of the organization's tree ({DEPTH_MAX} levels of units).",
        )
    if trees.count_units(call.tx, organization.organization_id) >= UNITS_MAX:
        raise refusals.constraint(
            "OU_NUMBER_LIMIT_EXCEEDED", f"An organization has at most {UNITS_MAX} organizational units."
        )
    unit = Unit(
        organization_id=organization.organization_id,
        unit_id=_free_unit_id(call, organization),
        parent_id=parent_id,
        name=name,
        created_ms=call.now_ms,
    )
    if not trees.insert_unit(call.tx, unit):
        raise _named_alike()
    furnish(call.tx, organization, unit.unit_id)
    return unit


def rename_unit(call: Call, organization: Organization, unit_id: str, name: str) -> Unit:
    unit = fetch_unit(call.tx, organization, unit_id)
    other = trees.unit_named(call.tx, unit.parent_id, name)
    if other is not None and other.unit_id != unit_id:
        raise _named_alike()
    trees.rename_unit(call.tx, organization.organization_id, unit_id, name)
    return fetch_unit(call.tx, organization, unit_id)


def delete_unit(call: Call, organization: Organization, unit_id: str) -> None:
    fetch_unit(call.tx, organization, unit_id)
    is_full = accounts.below(call.tx, unit_id, after="", limit=1) or trees.units_below(
        call.tx, unit_id, after="", limit=1
    )
    if is_full:
        raise refusals.error.OrganizationalUnitNotEmptyException(
            "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all "
            "child OUs, and try the operation again."
        )
    trees.delete_unit(call.tx, organization.organization_id, unit_id)
    policies.forget_target(call.tx, organization.organization_id, unit_id)
    groups.forget(call.tx, organization.scope, organization.unit_arn(unit_id))


def move_account(
    call: Call, organization: Organization, account_id: str, source: str, destination: str
) -> None:
    account = fetch_account(call.tx, organization, account_id)
    if not is_parent(call.tx, organization, source) or account.parent_id != source:
        raise refusals.error.SourceParentNotFoundException(
            "The account is not in the source root or organizational unit that you specified."
        )
    if not is_parent(call.tx, organization, destination):
        raise refusals.error.DestinationParentNotFoundException(
            "You specified a destination root or organizational unit that doesn't exist."
        )
    if source == destination:
        raise refusals.error.DuplicateAccountException(
            "The account is already in the destination that you specified."
        )
    accounts.move(call.tx, account_id, source, destination)
    identity.stamp(call.tx, account_id, f"moved to {destination}")


def _free_unit_id(call: Call, organization: Organization) -> str:
    while trees.unit(
        call.tx, organization.organization_id, unit_id := new_unit_id(call.world, organization.root_id)
    ):
        pass
    return unit_id


def _named_alike() -> Exception:
    return refusals.error.DuplicateOrganizationalUnitException(
        "An OU with the same name already exists under this parent."
    )
