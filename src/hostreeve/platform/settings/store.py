"""All SQL of service settings."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.settings.model import Chosen

_ONE = "account = :account AND region = :region AND setting = :setting"


def find(tx: Transaction, scope: Scope, setting_id: str) -> Chosen | None:
    row = tx.one(
        f"SELECT value, modified_by, modified_ms FROM service_settings WHERE {_ONE}",
        account=scope.account,
        region=scope.region,
        setting=setting_id,
    )
    return Chosen(**row) if row else None


def keep(tx: Transaction, scope: Scope, setting_id: str, chosen: Chosen) -> None:
    tx.run(
        """INSERT INTO service_settings (account, region, setting, value, modified_by, modified_ms)
           VALUES (:account, :region, :setting, :value, :modified_by, :modified_ms)
           ON CONFLICT (account, region, setting) DO UPDATE
           SET value = excluded.value, modified_by = excluded.modified_by,
               modified_ms = excluded.modified_ms""",
        account=scope.account,
        region=scope.region,
        setting=setting_id,
        value=chosen.value,
        modified_by=chosen.modified_by,
        modified_ms=chosen.modified_ms,
    )


def forget(tx: Transaction, scope: Scope, setting_id: str) -> None:
    tx.run(
        f"DELETE FROM service_settings WHERE {_ONE}",
        account=scope.account,
        region=scope.region,
        setting=setting_id,
    )
