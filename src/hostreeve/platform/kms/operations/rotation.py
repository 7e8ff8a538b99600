"""Rotation: new secrets for a key, by itself after a period or when asked."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform.kms.actions import aging, finding
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.model.key import (
    DAY_MS,
    ON_DEMAND_MAX,
    PENDING_DELETION,
    ROTATION_DAYS,
    Key,
    Material,
)
from hostreeve.platform.kms.model.refusals import error
from hostreeve.platform.kms.operations.service import kms, page_of, paged
from hostreeve.platform.kms.store import keys as key_rows


@kms.writes("EnableKeyRotation", asks=True)
def enable_key_rotation(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    asked = request.get("RotationPeriodInDays")
    facts = {"kms:RotationPeriodInDays": [str(asked or ROTATION_DAYS)]}
    key = finding.managed(call, request["KeyId"], Use("kms:EnableKeyRotation", facts=facts), "usable").key
    _refuse_others(key)
    if key.rotation_days and asked in (None, key.rotation_days):
        return {}
    days = asked or ROTATION_DAYS
    next_ms = call.now_ms + days * DAY_MS
    key_rows.replace(call.tx, msgspec.structs.replace(key, rotation_days=days, next_rotation_ms=next_ms))
    return {}


@kms.writes("DisableKeyRotation", asks=True)
def disable_key_rotation(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:DisableKeyRotation"), "usable").key
    _refuse_others(key)
    key_rows.replace(call.tx, msgspec.structs.replace(key, rotation_days=0, next_rotation_ms=None))
    return {}


@kms.reads("GetKeyRotationStatus", asks=True)
def get_key_rotation_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:GetKeyRotationStatus"), abroad=True).key
    # While a key is pending deletion its status is false; saved, it has its own again.
    rotates = bool(key.rotation_days) and key.state != PENDING_DELETION
    status: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": rotates}
    if rotates and key.next_rotation_ms is not None:
        status |= {
            "RotationPeriodInDays": key.rotation_days,
            "NextRotationDate": key.next_rotation_ms / 1000,
        }
    return status


@kms.writes("RotateKeyOnDemand", asks=True)
def rotate_key_on_demand(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:RotateKeyOnDemand"), "usable").key
    _refuse_others(key)
    if key_rows.on_demand_count(call.tx, key) >= ON_DEMAND_MAX:
        raise error.LimitExceededException(f"A key is rotated on demand at most {ON_DEMAND_MAX} times.")
    aging.rotate(call.tx, call.keys, call.world, key, rotation_type=aging.ON_DEMAND, now_ms=call.now_ms)
    return {"KeyId": key.arn}


@kms.reads("ListKeyRotations", asks=True)
def list_key_rotations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:ListKeyRotations")).key
    _refuse_others(key)
    page = page_of(request)
    # The first secret was not rotated to: it is shown only where all are asked for.
    first = 0 if request.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL" else 1
    after = max(page.parts(int)[0], first)
    rows: Sequence[Material] = key_rows.materials(call.tx, key, after=after, limit=page.limit + 1)
    return paged("Rotations", page, rows, lambda material: material.number, lambda row: _shown(key, row))


def _shown(key: Key, material: Material) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "KeyId": key.key_id,
        "KeyMaterialId": material.material_id,
        "KeyMaterialState": "CURRENT" if material.number == key.material else "NON_CURRENT",
    }
    if material.rotation_type:
        entry |= {"RotationDate": material.created_ms / 1000, "RotationType": material.rotation_type}
    return entry


def _refuse_others(key: Key) -> None:
    if not key.is_symmetric:
        raise error.UnsupportedOperationException(
            f"{key.arn} cannot be rotated: only symmetric encryption keys are, and it is {key.spec}."
        )
