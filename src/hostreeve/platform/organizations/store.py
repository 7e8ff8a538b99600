"""All SQL of the organization and its accounts."""

import msgspec

from hostreeve.kernel.scope import GLOBAL
from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.model import Account, AccountRequest, Organization

_ACCOUNT = "account, name, email, status, joined_method, joined_ms"
_REQUEST = "request_id, account, name, state, failure, requested_ms, completed_ms"


def organization(tx: Transaction) -> Organization | None:
    """The installation's organization. None before the first start is over."""
    row = tx.one("SELECT organization_id, root_id, management_account, created_ms FROM organizations")
    return msgspec.convert(row, Organization) if row else None


def insert_organization(tx: Transaction, found: Organization) -> None:
    tx.run(
        "INSERT INTO organizations (organization_id, root_id, management_account, created_ms, lone)"
        " VALUES (:organization_id, :root_id, :management_account, :created_ms, 1)",
        **msgspec.structs.asdict(found),
    )


def insert_account(tx: Transaction, account: Account) -> bool:
    """False when there is an account of that id or e-mail address."""
    inserted = tx.run(
        f"INSERT INTO organization_accounts (region, {_ACCOUNT}) VALUES (:region, :account, :name, :email,"
        " :status, :joined_method, :joined_ms) ON CONFLICT DO NOTHING",
        region=GLOBAL,
        **msgspec.structs.asdict(account),
    )
    return bool(inserted)


def account(tx: Transaction, account_id: str) -> Account | None:
    row = tx.one(
        f"SELECT {_ACCOUNT} FROM organization_accounts WHERE account = :account AND region = :region",
        account=account_id,
        region=GLOBAL,
    )
    return msgspec.convert(row, Account) if row else None


def is_email_taken(tx: Transaction, email: str) -> bool:
    return tx.one("SELECT account FROM organization_accounts WHERE email = :email", email=email) is not None


def accounts(tx: Transaction, *, after: str, limit: int) -> list[Account]:
    """In the order of their ids, behind `after`."""
    rows = tx.all(
        f"SELECT {_ACCOUNT} FROM organization_accounts WHERE region = :region AND account > :after"
        " ORDER BY account LIMIT :limit",
        region=GLOBAL,
        after=after,
        limit=limit,
    )
    return [msgspec.convert(row, Account) for row in rows]


def insert_request(tx: Transaction, request: AccountRequest) -> None:
    tx.run(
        f"INSERT INTO organization_account_requests (region, {_REQUEST}) VALUES (:region, :request_id,"
        " :account, :name, :state, :failure, :requested_ms, :completed_ms)",
        region=GLOBAL,
        **msgspec.structs.asdict(request),
    )


def request(tx: Transaction, request_id: str) -> AccountRequest | None:
    row = tx.one(
        f"SELECT {_REQUEST} FROM organization_account_requests WHERE request_id = :request_id",
        request_id=request_id,
    )
    return msgspec.convert(row, AccountRequest) if row else None


def requests(tx: Transaction, states: list[str], *, after: str, limit: int) -> list[AccountRequest]:
    """In the order of their ids, behind `after`."""
    rows = tx.all(
        f"SELECT {_REQUEST} FROM organization_account_requests WHERE request_id > :after"
        " AND state IN :states ORDER BY request_id LIMIT :limit",
        after=after,
        states=states,
        limit=limit,
    )
    return [msgspec.convert(row, AccountRequest) for row in rows]
