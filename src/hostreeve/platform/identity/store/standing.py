"""All SQL of what stands above an account: its organization, and whether it is closed."""

from hostreeve.kernel.scope import GLOBAL
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.store.changes import stamp


def place(tx: Transaction, account: str, organization: str) -> None:
    """The account is in this organization from now on; the empty text for none."""
    stamp(tx, account, f"in {organization}")
    tx.run(
        "UPDATE iam_stamps SET organization = :organization WHERE account = :account AND region = :region",
        account=account,
        region=GLOBAL,
        organization=organization,
    )


def close(tx: Transaction, account: str) -> None:
    stamp(tx, account, "closed")
    tx.run(
        "UPDATE iam_stamps SET closed = 1 WHERE account = :account AND region = :region",
        account=account,
        region=GLOBAL,
    )


def is_closed(tx: Transaction, account: str) -> bool:
    row = tx.one(
        "SELECT closed FROM iam_stamps WHERE account = :account AND region = :region",
        account=account,
        region=GLOBAL,
    )
    return bool(row and row["closed"])
