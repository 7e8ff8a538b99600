"""All SQL of an organization's policies and what they are attached to."""

from collections.abc import Sequence

import msgspec

from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.model.policies import Policy

_POLICY = "organization_id, policy_id, type, name, description, content, updated_ms"
_OF = "organization_id = :organization"


def insert(tx: Transaction, policy: Policy) -> bool:
    """False when there is a policy of that type and name."""
    inserted = tx.run(
        f"INSERT INTO organization_policies ({_POLICY}) VALUES (:organization_id, :policy_id, :type, :name,"
        " :description, :content, :updated_ms) ON CONFLICT DO NOTHING",
        **msgspec.structs.asdict(policy),
    )
    return bool(inserted)


def find(tx: Transaction, organization: str, policy_id: str) -> Policy | None:
    row = tx.one(
        f"SELECT {_POLICY} FROM organization_policies WHERE {_OF} AND policy_id = :policy_id",
        organization=organization,
        policy_id=policy_id,
    )
    return msgspec.convert(row, Policy) if row else None


def find_named(tx: Transaction, organization: str, policy_type: str, name: str) -> Policy | None:
    row = tx.one(
        f"SELECT {_POLICY} FROM organization_policies WHERE {_OF} AND type = :type AND name = :name",
        organization=organization,
        type=policy_type,
        name=name,
    )
    return msgspec.convert(row, Policy) if row else None


def replace(tx: Transaction, policy: Policy) -> None:
    tx.run(
        "UPDATE organization_policies SET name = :name, description = :description, content = :content,"
        " updated_ms = :updated_ms WHERE organization_id = :organization_id AND policy_id = :policy_id",
        organization_id=policy.organization_id,
        policy_id=policy.policy_id,
        name=policy.name,
        description=policy.description,
        content=policy.content,
        updated_ms=policy.updated_ms,
    )


def delete(tx: Transaction, organization: str, policy_id: str) -> None:
    tx.run(
        f"DELETE FROM organization_policies WHERE {_OF} AND policy_id = :policy_id",
        organization=organization,
        policy_id=policy_id,
    )


def listed(tx: Transaction, organization: str, policy_type: str, *, after: str, limit: int) -> list[Policy]:
    """In the order of their ids, behind `after`."""
    rows = tx.all(
        f"SELECT {_POLICY} FROM organization_policies WHERE {_OF} AND type = :type AND policy_id > :after"
        " ORDER BY policy_id LIMIT :limit",
        organization=organization,
        type=policy_type,
        after=after,
        limit=limit,
    )
    return [msgspec.convert(row, Policy) for row in rows]


def count(tx: Transaction, organization: str, policy_type: str) -> int:
    row = tx.one(
        f"SELECT count(*) AS policies FROM organization_policies WHERE {_OF} AND type = :type",
        organization=organization,
        type=policy_type,
    )
    return int(row["policies"]) if row else 0


def attach(tx: Transaction, organization: str, target_id: str, policy_type: str, policy_id: str) -> bool:
    """False when it is attached already."""
    attached = tx.run(
        "INSERT INTO organization_attachments (organization_id, target_id, type, policy_id)"
        " VALUES (:organization, :target_id, :type, :policy_id) ON CONFLICT DO NOTHING",
        organization=organization,
        target_id=target_id,
        type=policy_type,
        policy_id=policy_id,
    )
    return bool(attached)


def attach_everywhere(tx: Transaction, organization: str, policy_type: str, policy_id: str) -> None:
    """To the root, every unit and every account of the organization."""
    named = {"organization": organization, "type": policy_type, "policy_id": policy_id}
    insert_from = (
        "INSERT INTO organization_attachments (organization_id, target_id, type, policy_id)"
        " SELECT organization_id, {target}, CAST(:type AS TEXT), CAST(:policy_id AS TEXT) FROM {table}"
        " WHERE organization_id = :organization ON CONFLICT DO NOTHING"
    )
    for table, target in (
        ("organization_trees", "root_id"),
        ("organization_units", "unit_id"),
        ("organization_accounts", "account"),
    ):
        tx.run(insert_from.format(table=table, target=target), **named)


def detach(tx: Transaction, organization: str, target_id: str, policy_id: str) -> bool:
    detached = tx.run(
        f"DELETE FROM organization_attachments WHERE {_OF} AND target_id = :target_id"
        " AND policy_id = :policy_id",
        organization=organization,
        target_id=target_id,
        policy_id=policy_id,
    )
    return bool(detached)


def detach_all_of_type(tx: Transaction, organization: str, policy_type: str) -> None:
    tx.run(
        f"DELETE FROM organization_attachments WHERE {_OF} AND type = :type",
        organization=organization,
        type=policy_type,
    )


def forget_target(tx: Transaction, organization: str, target_id: str) -> None:
    """The unit is deleted, or the account has left."""
    tx.run(
        f"DELETE FROM organization_attachments WHERE {_OF} AND target_id = :target_id",
        organization=organization,
        target_id=target_id,
    )


def forget_organization(tx: Transaction, organization: str) -> None:
    for table in ("organization_attachments", "organization_policies", "organization_policy_types"):
        tx.run(f"DELETE FROM {table} WHERE {_OF}", organization=organization)


def attached(tx: Transaction, organization: str, target_id: str, policy_type: str) -> list[str]:
    """The ids of the policies of a type that are attached to a target."""
    rows = tx.all(
        f"SELECT policy_id FROM organization_attachments WHERE {_OF} AND target_id = :target_id"
        " AND type = :type ORDER BY policy_id",
        organization=organization,
        target_id=target_id,
        type=policy_type,
    )
    return [row["policy_id"] for row in rows]


def targets(tx: Transaction, organization: str, policy_id: str, *, after: str, limit: int) -> list[str]:
    """The ids of what a policy is attached to, in their order, behind `after`."""
    rows = tx.all(
        f"SELECT target_id FROM organization_attachments WHERE {_OF} AND policy_id = :policy_id"
        " AND target_id > :after ORDER BY target_id LIMIT :limit",
        organization=organization,
        policy_id=policy_id,
        after=after,
        limit=limit,
    )
    return [row["target_id"] for row in rows]


def enable(tx: Transaction, organization: str, policy_type: str) -> bool:
    """False when it is enabled already."""
    enabled = tx.run(
        "INSERT INTO organization_policy_types (organization_id, type) VALUES (:organization, :type)"
        " ON CONFLICT DO NOTHING",
        organization=organization,
        type=policy_type,
    )
    return bool(enabled)


def disable(tx: Transaction, organization: str, policy_type: str) -> bool:
    disabled = tx.run(
        f"DELETE FROM organization_policy_types WHERE {_OF} AND type = :type",
        organization=organization,
        type=policy_type,
    )
    return bool(disabled)


def enabled(tx: Transaction, organization: str) -> list[str]:
    """The types that are enabled in the root."""
    rows = tx.all(
        f"SELECT type FROM organization_policy_types WHERE {_OF} ORDER BY type", organization=organization
    )
    return [row["type"] for row in rows]


def find_many(tx: Transaction, organization: str, policy_ids: Sequence[str]) -> dict[str, Policy]:
    rows = tx.all(
        f"SELECT {_POLICY} FROM organization_policies WHERE {_OF} AND policy_id IN :policy_ids",
        organization=organization,
        policy_ids=list(policy_ids),
    )
    return {row["policy_id"]: msgspec.convert(row, Policy) for row in rows}
