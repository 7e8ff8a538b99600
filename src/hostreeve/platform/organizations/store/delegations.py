"""All SQL of trusted services, delegated administrators and the organization's own policy."""

import msgspec

from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.model.delegation import Delegation, OwnPolicy, ServiceAccess

_OF = "organization_id = :organization"


def enable(tx: Transaction, organization: str, service: str, *, now_ms: int) -> None:
    """Enabling twice is enabling once."""
    tx.run(
        "INSERT INTO organization_services (organization_id, service, since_ms)"
        " VALUES (:organization, :service, :now_ms) ON CONFLICT DO NOTHING",
        organization=organization,
        service=service,
        now_ms=now_ms,
    )


def disable(tx: Transaction, organization: str, service: str) -> None:
    tx.run(
        f"DELETE FROM organization_services WHERE {_OF} AND service = :service",
        organization=organization,
        service=service,
    )


def is_enabled(tx: Transaction, organization: str, service: str) -> bool:
    row = tx.one(
        f"SELECT service FROM organization_services WHERE {_OF} AND service = :service",
        organization=organization,
        service=service,
    )
    return row is not None


def services(tx: Transaction, organization: str) -> list[ServiceAccess]:
    rows = tx.all(
        f"SELECT service, since_ms FROM organization_services WHERE {_OF} ORDER BY service",
        organization=organization,
    )
    return [msgspec.convert(row, ServiceAccess) for row in rows]


def register(tx: Transaction, organization: str, account: str, service: str, *, now_ms: int) -> bool:
    """False when it is registered already."""
    registered = tx.run(
        "INSERT INTO organization_delegations (organization_id, account, service, since_ms)"
        " VALUES (:organization, :account, :service, :now_ms) ON CONFLICT DO NOTHING",
        organization=organization,
        account=account,
        service=service,
        now_ms=now_ms,
    )
    return bool(registered)


def deregister(tx: Transaction, organization: str, account: str, service: str) -> bool:
    deregistered = tx.run(
        f"DELETE FROM organization_delegations WHERE {_OF} AND account = :account AND service = :service",
        organization=organization,
        account=account,
        service=service,
    )
    return bool(deregistered)


def of_account(tx: Transaction, organization: str, account: str) -> list[Delegation]:
    """What an account administers, in the order of the services' names."""
    rows = tx.all(
        f"SELECT account, service, since_ms FROM organization_delegations WHERE {_OF} AND account = :account"
        " ORDER BY service",
        organization=organization,
        account=account,
    )
    return [msgspec.convert(row, Delegation) for row in rows]


def of_service(tx: Transaction, organization: str, service: str) -> list[Delegation]:
    """Who administers a service, in the order of the accounts' ids."""
    rows = tx.all(
        f"SELECT account, service, since_ms FROM organization_delegations WHERE {_OF} AND service = :service"
        " ORDER BY account",
        organization=organization,
        service=service,
    )
    return [msgspec.convert(row, Delegation) for row in rows]


def delegations(tx: Transaction, organization: str) -> list[Delegation]:
    rows = tx.all(
        f"SELECT account, service, since_ms FROM organization_delegations WHERE {_OF}"
        " ORDER BY account, service",
        organization=organization,
    )
    return [msgspec.convert(row, Delegation) for row in rows]


def own_policy(tx: Transaction, organization: str) -> OwnPolicy | None:
    row = tx.one(
        f"SELECT policy_id, content FROM organization_resource_policies WHERE {_OF}",
        organization=organization,
    )
    return msgspec.convert(row, OwnPolicy) if row else None


def put_own_policy(tx: Transaction, organization: str, policy: OwnPolicy) -> None:
    tx.run(
        "INSERT INTO organization_resource_policies (organization_id, policy_id, content)"
        " VALUES (:organization, :policy_id, :content)"
        " ON CONFLICT (organization_id) DO UPDATE SET content = excluded.content",
        organization=organization,
        policy_id=policy.policy_id,
        content=policy.content,
    )


def delete_own_policy(tx: Transaction, organization: str) -> None:
    tx.run(f"DELETE FROM organization_resource_policies WHERE {_OF}", organization=organization)


def forget_organization(tx: Transaction, organization: str) -> None:
    for table in (
        "organization_services",
        "organization_delegations",
        "organization_resource_policies",
    ):
        tx.run(f"DELETE FROM {table} WHERE {_OF}", organization=organization)
