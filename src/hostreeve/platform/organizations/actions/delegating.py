"""Delegated administrators: member accounts that administer a service for the whole organization."""

from hostreeve.api.call import Call
from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.actions.tree import fetch_account
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.delegation import Delegation
from hostreeve.platform.organizations.model.organization import Organization
from hostreeve.platform.organizations.store import delegations

error = refusals.error


def register(call: Call, organization: Organization, account_id: str, service: str) -> None:
    account = fetch_account(call.tx, organization, account_id)
    if account_id == organization.management_account:
        raise refusals.constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register the management account as a delegated administrator.",
        )
    if account.status != "ACTIVE":
        raise refusals.constraint(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register a suspended account as a delegated administrator.",
        )
    of = organization.organization_id
    if not delegations.is_enabled(call.tx, of, service):
        raise refusals.constraint(
            "SERVICE_ACCESS_NOT_ENABLED",
            f"Enable the access of {service} with EnableAWSServiceAccess before you register an account.",
        )
    if not delegations.register(call.tx, of, account_id, service, now_ms=call.now_ms):
        raise error.AccountAlreadyRegisteredException(
            "The specified account is already a delegated administrator for this AWS service."
        )


def deregister(tx: Transaction, organization: Organization, account_id: str, service: str) -> None:
    fetch_account(tx, organization, account_id)
    if not delegations.deregister(tx, organization.organization_id, account_id, service):
        raise _not_registered()


def services_of(tx: Transaction, organization: Organization, account_id: str) -> list[Delegation]:
    """What the account administers. AccountNotRegisteredException when it administers nothing."""
    fetch_account(tx, organization, account_id)
    found = delegations.of_account(tx, organization.organization_id, account_id)
    if not found:
        raise _not_registered()
    return found


def disable(tx: Transaction, organization: Organization, service: str) -> None:
    """The service may not work with the organization any more."""
    if delegations.of_service(tx, organization.organization_id, service):
        raise refusals.constraint(
            "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE",
            f"{service} has a delegated administrator. Deregister it first.",
        )
    delegations.disable(tx, organization.organization_id, service)


def _not_registered() -> Exception:
    return error.AccountNotRegisteredException(
        "The specified account is not a delegated administrator for this AWS service."
    )
