"""All SQL of organizations and their units."""

import msgspec

from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.model.organization import Organization, Unit

_TREE = "organization_id, root_id, management_account, created_ms"
_UNIT = "organization_id, unit_id, parent_id, name, created_ms"


def installation_account(tx: Transaction) -> str | None:
    """The account that owns the installation. None before the first start is over."""
    row = tx.one("SELECT account FROM organization_installation")
    return row["account"] if row else None


def insert_installation(tx: Transaction, account: str) -> None:
    tx.run("INSERT INTO organization_installation (lone, account) VALUES (1, :account)", account=account)


def of_account(tx: Transaction, account: str) -> Organization | None:
    """The organization that an account is in."""
    row = tx.one(
        f"SELECT {', '.join(f't.{column}' for column in _TREE.split(', '))} FROM organization_accounts AS a"
        " JOIN organization_trees AS t ON t.organization_id = a.organization_id WHERE a.account = :account",
        account=account,
    )
    return msgspec.convert(row, Organization) if row else None


def organization(tx: Transaction, organization_id: str) -> Organization | None:
    row = tx.one(
        f"SELECT {_TREE} FROM organization_trees WHERE organization_id = :organization_id",
        organization_id=organization_id,
    )
    return msgspec.convert(row, Organization) if row else None


def insert_organization(tx: Transaction, found: Organization) -> None:
    tx.run(
        f"INSERT INTO organization_trees ({_TREE})"
        " VALUES (:organization_id, :root_id, :management_account, :created_ms)",
        **msgspec.structs.asdict(found),
    )


def delete_organization(tx: Transaction, organization_id: str) -> None:
    tx.run("DELETE FROM organization_units WHERE organization_id = :of", of=organization_id)
    tx.run("DELETE FROM organization_trees WHERE organization_id = :of", of=organization_id)


def insert_unit(tx: Transaction, unit: Unit) -> bool:
    """False when its parent has a unit of that name."""
    inserted = tx.run(
        f"INSERT INTO organization_units ({_UNIT})"
        " VALUES (:organization_id, :unit_id, :parent_id, :name, :created_ms) ON CONFLICT DO NOTHING",
        **msgspec.structs.asdict(unit),
    )
    return bool(inserted)


def unit(tx: Transaction, organization_id: str, unit_id: str) -> Unit | None:
    row = tx.one(
        f"SELECT {_UNIT} FROM organization_units"
        " WHERE organization_id = :organization_id AND unit_id = :unit_id",
        organization_id=organization_id,
        unit_id=unit_id,
    )
    return msgspec.convert(row, Unit) if row else None


def unit_named(tx: Transaction, parent_id: str, name: str) -> Unit | None:
    row = tx.one(
        f"SELECT {_UNIT} FROM organization_units WHERE parent_id = :parent_id AND name = :name",
        parent_id=parent_id,
        name=name,
    )
    return msgspec.convert(row, Unit) if row else None


def rename_unit(tx: Transaction, organization_id: str, unit_id: str, name: str) -> None:
    tx.run(
        "UPDATE organization_units SET name = :name"
        " WHERE organization_id = :organization_id AND unit_id = :unit_id",
        organization_id=organization_id,
        unit_id=unit_id,
        name=name,
    )


def delete_unit(tx: Transaction, organization_id: str, unit_id: str) -> None:
    tx.run(
        "DELETE FROM organization_units WHERE organization_id = :organization_id AND unit_id = :unit_id",
        organization_id=organization_id,
        unit_id=unit_id,
    )


def units_below(tx: Transaction, parent_id: str, *, after: str, limit: int) -> list[Unit]:
    """The units whose parent this is, in the order of their ids, behind `after`."""
    rows = tx.all(
        f"SELECT {_UNIT} FROM organization_units WHERE parent_id = :parent_id AND unit_id > :after"
        " ORDER BY unit_id LIMIT :limit",
        parent_id=parent_id,
        after=after,
        limit=limit,
    )
    return [msgspec.convert(row, Unit) for row in rows]


def all_units(tx: Transaction, organization_id: str) -> list[Unit]:
    """Every unit of an organization (2,000 at most)."""
    rows = tx.all(
        f"SELECT {_UNIT} FROM organization_units WHERE organization_id = :organization_id ORDER BY unit_id",
        organization_id=organization_id,
    )
    return [msgspec.convert(row, Unit) for row in rows]


def count_units(tx: Transaction, organization_id: str) -> int:
    row = tx.one(
        "SELECT count(*) AS units FROM organization_units WHERE organization_id = :organization_id",
        organization_id=organization_id,
    )
    return int(row["units"]) if row else 0
