"""Activations in the database."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.capabilities.nodes.model import Activation
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
_COLUMNS = (
    "account, region, activation_id, code_hash, description, default_instance_name, iam_role,"
    " registration_limit, registrations_count, expires_ms, created_ms, tags"
)
FILTERS = {
    "ActivationIds": "activation_id",
    "DefaultInstanceName": "default_instance_name",
    "IamRole": "iam_role",
}


def insert(tx: Transaction, activation: Activation) -> None:
    row = msgspec.structs.asdict(activation)
    row["tags"] = msgspec.json.encode(activation.tags).decode()
    tx.run(
        f"INSERT INTO activations ({_COLUMNS}) VALUES (:account, :region, :activation_id, :code_hash,"
        " :description, :default_instance_name, :iam_role, :registration_limit, :registrations_count,"
        " :expires_ms, :created_ms, :tags)",
        **row,
    )


def find(tx: Transaction, activation_id: str) -> Activation | None:
    """By id alone: whoever registers a machine knows neither account nor Region."""
    row = tx.one(f"SELECT {_COLUMNS} FROM activations WHERE activation_id = :id", id=activation_id)
    return _activation(row) if row else None


def count_registration(tx: Transaction, activation_id: str, now_ms: int) -> bool:
    """Use the activation once more. False when it is expired or used up."""
    return bool(
        tx.run(
            "UPDATE activations SET registrations_count = registrations_count + 1 WHERE activation_id = :id"
            " AND registrations_count < registration_limit AND expires_ms > :now_ms",
            id=activation_id,
            now_ms=now_ms,
        )
    )


def delete(tx: Transaction, scope: Scope, activation_id: str) -> bool:
    return bool(
        tx.run(
            f"DELETE FROM activations WHERE {_SCOPED} AND activation_id = :id",
            account=scope.account,
            region=scope.region,
            id=activation_id,
        )
    )


def select(
    tx: Transaction,
    scope: Scope,
    filters: Sequence[tuple[str, Sequence[str]]],
    *,
    after: tuple[int, str],
    limit: int,
) -> list[Activation]:
    """Activations for which every filter (its name, its values) holds, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM activations WHERE {_SCOPED} AND (created_ms, activation_id) > (:ms, :id)"
    values: dict[str, Any] = {}
    for place, (name, wanted) in enumerate(filters):
        sql += f" AND {FILTERS[name]} IN :values{place}"
        values[f"values{place}"] = list(wanted)
    rows = tx.all(
        sql + " ORDER BY created_ms, activation_id LIMIT :limit",
        account=scope.account,
        region=scope.region,
        ms=after[0],
        id=after[1],
        limit=limit,
        **values,
    )
    return [_activation(row) for row in rows]


def _activation(row: Mapping[str, Any]) -> Activation:
    return Activation(
        **{**row, "tags": msgspec.json.decode(row["tags"]), "code_hash": bytes(row["code_hash"])}
    )
