"""All SQL of accounts' aliases. An alias belongs to one account of the whole installation."""

from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one


def find(tx: Transaction, scope: Scope) -> str:
    """The account's alias; empty for none."""
    row = one(tx, scope, f"SELECT alias FROM iam_account_aliases WHERE {IN_SCOPE}")
    return row["alias"] if row else ""


def owner(tx: Transaction, alias: str) -> str | None:
    """Whose alias it is. Of all accounts, because somebody who signs in names one from outside."""
    row = tx.one(
        "SELECT account FROM iam_account_aliases WHERE alias = :alias AND region = :region",
        alias=alias,
        region=GLOBAL,
    )
    return row["account"] if row else None


def put(tx: Transaction, scope: Scope, alias: str) -> None:
    """In place of the one before. The caller looks whether it is another account's."""
    change(
        tx,
        scope,
        "INSERT INTO iam_account_aliases (account, region, alias) VALUES (:account, :region, :alias)"
        " ON CONFLICT (account, region) DO UPDATE SET alias = excluded.alias",
        alias=alias,
    )


def delete(tx: Transaction, scope: Scope, alias: str) -> bool:
    gone = change(
        tx, scope, f"DELETE FROM iam_account_aliases WHERE {IN_SCOPE} AND alias = :alias", alias=alias
    )
    return bool(gone)
