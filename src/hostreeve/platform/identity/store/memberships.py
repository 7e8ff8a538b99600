"""All SQL of who is in which group."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import Identity
from hostreeve.platform.identity.store.changes import change, one, several
from hostreeve.platform.identity.store.identities import from_row

_MEMBERS = (
    "SELECT i.account, i.kind, i.name, i.path, i.identity_id, i.created_ms, i.boundary_arn, i.tags, i.trust,"
    " i.description, i.max_session_s FROM iam_memberships m JOIN iam_identities i"
    " ON i.account = m.account AND i.region = m.region"
)
_MINE = "m.account = :account AND m.region = :region"


def add(tx: Transaction, scope: Scope, user_id: str, group_id: str) -> None:
    """Being in a group twice is being in it once."""
    change(
        tx,
        scope,
        "INSERT INTO iam_memberships (account, region, user_id, group_id)"
        " VALUES (:account, :region, :user_id, :group_id) ON CONFLICT DO NOTHING",
        user_id=user_id,
        group_id=group_id,
    )


def remove(tx: Transaction, scope: Scope, user_id: str, group_id: str) -> None:
    change(
        tx,
        scope,
        "DELETE FROM iam_memberships WHERE account = :account AND region = :region"
        " AND user_id = :user_id AND group_id = :group_id",
        user_id=user_id,
        group_id=group_id,
    )


def groups_of(tx: Transaction, scope: Scope, user_id: str) -> list[Identity]:
    """The groups that a user is in, in the order of their names."""
    rows = several(
        tx,
        scope,
        f"{_MEMBERS} AND i.identity_id = m.group_id WHERE {_MINE} AND m.user_id = :user_id"
        " ORDER BY i.name_key",
        user_id=user_id,
    )
    return [from_row(row) for row in rows]


def users_in(tx: Transaction, scope: Scope, group_id: str, *, after: str, limit: int) -> list[Identity]:
    """The users of a group in the order of their names, behind `after` (lower-case)."""
    rows = several(
        tx,
        scope,
        f"{_MEMBERS} AND i.identity_id = m.user_id WHERE {_MINE} AND m.group_id = :group_id"
        " AND i.name_key > :after ORDER BY i.name_key LIMIT :limit",
        group_id=group_id,
        after=after,
        limit=limit,
    )
    return [from_row(row) for row in rows]


def is_empty(tx: Transaction, scope: Scope, group_id: str) -> bool:
    row = one(
        tx,
        scope,
        "SELECT user_id FROM iam_memberships WHERE account = :account AND region = :region"
        " AND group_id = :group_id LIMIT 1",
        group_id=group_id,
    )
    return row is None
