"""All SQL of virtual MFA devices."""

from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import MfaDevice
from hostreeve.platform.identity.store.changes import IN_SCOPE, change, one, several

_COLUMNS = "account, name, path, sealed_seed, created_ms, tags, user_id, enabled_ms, drift_steps, used_step"


def insert(tx: Transaction, scope: Scope, device: MfaDevice) -> bool:
    """False when there is one of that path and name."""
    row = msgspec.structs.asdict(device) | {"tags": msgspec.json.encode(device.tags).decode()}
    del row["account"]
    return bool(
        change(
            tx,
            scope,
            f"INSERT INTO iam_mfa_devices (region, serial_key, {_COLUMNS}) VALUES (:region, :serial_key,"
            " :account, :name, :path, :sealed_seed, :created_ms, :tags, :user_id, :enabled_ms,"
            " :drift_steps, :used_step) ON CONFLICT DO NOTHING",
            serial_key=device.serial.lower(),
            **row,
        )
    )


def find(tx: Transaction, scope: Scope, serial: str) -> MfaDevice | None:
    row = one(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_mfa_devices WHERE {IN_SCOPE} AND serial_key = :serial_key",
        serial_key=serial.lower(),
    )
    return _device(row) if row else None


def of_user(tx: Transaction, scope: Scope, user_id: str) -> list[MfaDevice]:
    rows = several(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_mfa_devices WHERE {IN_SCOPE} AND user_id = :user_id ORDER BY serial_key",
        user_id=user_id,
    )
    return [_device(row) for row in rows]


def listed(
    tx: Transaction, scope: Scope, *, assigned: bool | None, after: str, limit: int
) -> list[MfaDevice]:
    """In the order of their serial numbers, behind `after` (lower-case); users', nobody's, or all."""
    rows = several(
        tx,
        scope,
        f"SELECT {_COLUMNS} FROM iam_mfa_devices WHERE {IN_SCOPE} AND serial_key > :after"
        " AND (:all = 1 OR (user_id <> '') = (:assigned = 1)) ORDER BY serial_key LIMIT :limit",
        after=after,
        all=assigned is None,
        assigned=bool(assigned),
        limit=limit,
    )
    return [_device(row) for row in rows]


def update(tx: Transaction, scope: Scope, device: MfaDevice) -> None:
    """Store what can change: whose it is, since when, its tags, its clock and its last code."""
    change(
        tx,
        scope,
        "UPDATE iam_mfa_devices SET tags = :tags, user_id = :user_id, enabled_ms = :enabled_ms,"
        f" drift_steps = :drift_steps, used_step = :used_step WHERE {IN_SCOPE} AND serial_key = :serial_key",
        tags=msgspec.json.encode(device.tags).decode(),
        user_id=device.user_id,
        enabled_ms=device.enabled_ms,
        drift_steps=device.drift_steps,
        used_step=device.used_step,
        serial_key=device.serial.lower(),
    )


def use(tx: Transaction, scope: Scope, device: MfaDevice, step: int, drift_steps: int) -> bool:
    """The code of that step counts now, and never again. False when it counted already. It leaves no stamp:
    nobody's rights depend on it."""
    used = tx.run(
        "UPDATE iam_mfa_devices SET used_step = :step, drift_steps = :drift_steps"
        f" WHERE {IN_SCOPE} AND serial_key = :serial_key AND used_step < :step",
        account=scope.account,
        region=scope.region,
        step=step,
        drift_steps=drift_steps,
        serial_key=device.serial.lower(),
    )
    return bool(used)


def delete(tx: Transaction, scope: Scope, serial: str) -> None:
    change(
        tx,
        scope,
        f"DELETE FROM iam_mfa_devices WHERE {IN_SCOPE} AND serial_key = :serial_key",
        serial_key=serial.lower(),
    )


def _device(row: dict[str, Any]) -> MfaDevice:
    return msgspec.convert({**row, "tags": msgspec.json.decode(row["tags"])}, MfaDevice)
