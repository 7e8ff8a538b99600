"""All SQL of accounts, and of those that were asked for."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hostreeve.kernel.scope import GLOBAL
from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.model.organization import Account, AccountRequest

_ACCOUNT = "account, name, email, status, joined_method, joined_ms, organization_id, parent_id, closed_ms"
_ALWAYS = 1 << 62
_REQUEST = (
    "request_id, organization_id, account, name, email, role_name, tags, state, failure, requested_ms,"
    " completed_ms"
)


def insert(tx: Transaction, account: Account) -> bool:
    """False when there is an account of that id or e-mail address."""
    inserted = tx.run(
        f"INSERT INTO organization_accounts (region, {_ACCOUNT}) VALUES (:region, :account, :name, :email,"
        " :status, :joined_method, :joined_ms, :organization_id, :parent_id, :closed_ms)"
        " ON CONFLICT DO NOTHING",
        region=GLOBAL,
        **msgspec.structs.asdict(account),
    )
    return bool(inserted)


def find(tx: Transaction, account_id: str) -> Account | None:
    """Any account of the installation, whatever organization it is in."""
    row = tx.one(
        f"SELECT {_ACCOUNT} FROM organization_accounts WHERE account = :account AND region = :region",
        account=account_id,
        region=GLOBAL,
    )
    return msgspec.convert(row, Account) if row else None


def find_by_email(tx: Transaction, email: str) -> Account | None:
    row = tx.one(f"SELECT {_ACCOUNT} FROM organization_accounts WHERE email = :email", email=email)
    return msgspec.convert(row, Account) if row else None


def replace(tx: Transaction, account: Account) -> None:
    """Store what changed about an account: its place, its status, how it joined."""
    tx.run(
        "UPDATE organization_accounts SET status = :status, joined_method = :joined_method,"
        " joined_ms = :joined_ms, organization_id = :organization_id, parent_id = :parent_id,"
        " closed_ms = :closed_ms WHERE account = :account AND region = :region",
        region=GLOBAL,
        account=account.account,
        status=account.status,
        joined_method=account.joined_method,
        joined_ms=account.joined_ms,
        organization_id=account.organization_id,
        parent_id=account.parent_id,
        closed_ms=account.closed_ms,
    )


def move(tx: Transaction, account: str, source: str, destination: str) -> bool:
    """False when the account is not where it should come from."""
    moved = tx.run(
        "UPDATE organization_accounts SET parent_id = :destination"
        " WHERE account = :account AND region = :region AND parent_id = :source",
        account=account,
        region=GLOBAL,
        source=source,
        destination=destination,
    )
    return bool(moved)


def everywhere(tx: Transaction, *, after: str, limit: int) -> list[Account]:
    """Of the installation, in the order of their ids, behind `after`."""
    return _listed(tx, "region = :region", after=after, limit=limit, region=GLOBAL)


def of_organization(tx: Transaction, organization_id: str, *, after: str, limit: int) -> list[Account]:
    """In the order of their ids, behind `after`."""
    return _listed(tx, "organization_id = :of", after=after, limit=limit, of=organization_id)


def below(tx: Transaction, parent_id: str, *, after: str, limit: int) -> list[Account]:
    """The accounts that lie directly in a root or unit, likewise."""
    return _listed(tx, "parent_id = :parent", after=after, limit=limit, parent=parent_id)


def _listed(tx: Transaction, which: str, *, after: str, limit: int, **named: str) -> list[Account]:
    rows = tx.all(
        f"SELECT {_ACCOUNT} FROM organization_accounts WHERE {which} AND account > :after"
        " ORDER BY account LIMIT :limit",
        after=after,
        limit=limit,
        **named,
    )
    return [msgspec.convert(row, Account) for row in rows]


def is_due(tx: Transaction, *, closed_before_ms: int) -> bool:
    """Whether an account was asked for, is to be closed, or was closed at the latest then and is shown."""
    row = tx.one(
        "SELECT EXISTS (SELECT 1 FROM organization_account_requests WHERE state = 'IN_PROGRESS')"
        " OR EXISTS (SELECT 1 FROM organization_accounts WHERE closed_ms > 0"
        " AND status = 'PENDING_CLOSURE')"
        " OR EXISTS (SELECT 1 FROM organization_accounts WHERE closed_ms > 0 AND closed_ms <= :before"
        " AND organization_id <> '') AS due",
        before=closed_before_ms,
    )
    return bool(row and row["due"])


def closing(tx: Transaction, *, limit: int) -> list[Account]:
    """Accounts that are to be closed and are not yet."""
    return _claimed(tx, "status = 'PENDING_CLOSURE'", limit=limit, before=_ALWAYS)


def departing(tx: Transaction, *, closed_before_ms: int, limit: int) -> list[Account]:
    """Accounts that were closed at the latest then and are still shown in their organization."""
    which = "status = 'SUSPENDED' AND organization_id <> ''"
    return _claimed(tx, which, limit=limit, before=closed_before_ms)


def _claimed(tx: Transaction, which: str, *, before: int, limit: int) -> list[Account]:
    rows = tx.all(
        f"SELECT {_ACCOUNT} FROM organization_accounts WHERE closed_ms > 0 AND closed_ms <= :before"
        f" AND {which} ORDER BY closed_ms LIMIT :limit FOR UPDATE SKIP LOCKED",
        before=before,
        limit=limit,
    )
    return [msgspec.convert(row, Account) for row in rows]


def insert_request(tx: Transaction, request: AccountRequest) -> None:
    tx.run(
        f"INSERT INTO organization_account_requests (region, {_REQUEST}) VALUES (:region, :request_id,"
        " :organization_id, :account, :name, :email, :role_name, :tags, :state, :failure, :requested_ms,"
        " :completed_ms)",
        region=GLOBAL,
        **_row(request),
    )


def complete_request(tx: Transaction, request: AccountRequest) -> None:
    tx.run(
        "UPDATE organization_account_requests SET account = :account, state = :state, failure = :failure,"
        " completed_ms = :completed_ms WHERE request_id = :request_id AND state = 'IN_PROGRESS'",
        request_id=request.request_id,
        account=request.account,
        state=request.state,
        failure=request.failure,
        completed_ms=request.completed_ms,
    )


def request(tx: Transaction, organization_id: str, request_id: str) -> AccountRequest | None:
    row = tx.one(
        f"SELECT {_REQUEST} FROM organization_account_requests"
        " WHERE request_id = :request_id AND organization_id = :of",
        request_id=request_id,
        of=organization_id,
    )
    return _request(row) if row else None


def open_requests(tx: Transaction, *, limit: int) -> list[AccountRequest]:
    """What was asked for and not done yet, the oldest first, of all organizations."""
    rows = tx.all(
        f"SELECT {_REQUEST} FROM organization_account_requests WHERE state = 'IN_PROGRESS'"
        " ORDER BY requested_ms, request_id LIMIT :limit FOR UPDATE SKIP LOCKED",
        limit=limit,
    )
    return [_request(row) for row in rows]


def requests(
    tx: Transaction, organization_id: str, states: Sequence[str], *, after: str, limit: int
) -> list[AccountRequest]:
    """In the order of their ids, behind `after`."""
    rows = tx.all(
        f"SELECT {_REQUEST} FROM organization_account_requests WHERE organization_id = :of"
        " AND request_id > :after AND state IN :states ORDER BY request_id LIMIT :limit",
        of=organization_id,
        after=after,
        states=list(states),
        limit=limit,
    )
    return [_request(row) for row in rows]


def _row(request: AccountRequest) -> dict[str, Any]:
    return msgspec.structs.asdict(request) | {"tags": msgspec.json.encode(request.tags).decode()}


def _request(row: dict[str, Any]) -> AccountRequest:
    return msgspec.convert({**row, "tags": msgspec.json.decode(row["tags"])}, AccountRequest)
