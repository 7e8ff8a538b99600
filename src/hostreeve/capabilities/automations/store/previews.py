"""Previews of executions."""

import msgspec

from hostreeve.capabilities.automations.model.preview import Preview
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_decode = msgspec.json.Decoder(Preview).decode


def insert(tx: Transaction, scope: Scope, one: Preview) -> None:
    tx.run(
        "INSERT INTO automation_previews (account, region, preview_id, body, created_ms)"
        " VALUES (:account, :region, :preview_id, :body, :created_ms)",
        account=scope.account,
        region=scope.region,
        preview_id=one.preview_id,
        body=msgspec.json.encode(one).decode(),
        created_ms=one.created_ms,
    )


def find(tx: Transaction, scope: Scope, preview_id: str) -> Preview | None:
    row = tx.one(
        "SELECT body FROM automation_previews WHERE account = :account AND region = :region"
        " AND preview_id = :preview_id",
        account=scope.account,
        region=scope.region,
        preview_id=preview_id,
    )
    return _decode(row["body"]) if row else None


def delete(tx: Transaction, before_ms: int) -> int:
    return tx.run("DELETE FROM automation_previews WHERE created_ms < :before_ms", before_ms=before_ms)
