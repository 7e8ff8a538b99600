"""Keys as such: made, shown, listed, switched on and off, deleted after a waiting window."""

from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform import groups
from hostreeve.platform.kms.actions import finding, making
from hostreeve.platform.kms.actions.allowing import Facts, Use
from hostreeve.platform.kms.model import policies
from hostreeve.platform.kms.model.key import (
    DAY_MS,
    DISABLED,
    ENABLED,
    PENDING_DELETION,
    WINDOW_DAYS_LEAST,
    WINDOW_DAYS_MOST,
    described,
)
from hostreeve.platform.kms.model.refusals import invalid
from hostreeve.platform.kms.operations.policies import accepted
from hostreeve.platform.kms.operations.service import check_common, kms, page_of, paged
from hostreeve.platform.kms.operations.tags import asked_tags
from hostreeve.platform.kms.store import keys as key_rows


def may_create(call: Call, request: dict[str, Any]) -> Facts:
    """Ask for leave to make the key, before an RSA pair is made for it; the condition keys of the request."""
    spec, usage = making.chosen(request)
    facts = groups.tag_facts(asked_tags(request.get("Tags", []))) | {
        "kms:KeySpec": [spec.name],
        "kms:KeyUsage": [usage],
        "kms:KeyOrigin": ["AWS_KMS"],
        "kms:MultiRegion": ["false"],
        "kms:BypassPolicyLockoutSafetyCheck": [str(_bypasses(request)).lower()],
    }
    call.require("kms:CreateKey", ["*"], facts)
    return facts


@kms.writes("CreateKey", asks=True, prepares=making.prepare, begins=may_create)
def create_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    facts = may_create(call, request)
    tags = asked_tags(request.get("Tags", []))
    key_id = call.world.uuid()
    arn = call.scope.arn("kms", f"key/{key_id}")
    if tags:
        call.require("kms:TagResource", [arn], facts)
    policy = request.get("Policy") or policies.default(call.scope.account)
    policy = accepted(call, policy, arn, bypasses=_bypasses(request))
    stored = making.create(call, request, policy, key_id)
    making.tag(call, stored.key, tags)
    return {"KeyMetadata": described(stored.key, stored.material.material_id)}


# It writes once: asked about an alias of AWS's that has no key yet, AWS makes the key.
@kms.writes("DescribeKey", asks=True)
def describe_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    check_common(call, request)
    making.aws_managed_of(call, request["KeyId"])
    found = finding.usable(call, request["KeyId"], Use("kms:DescribeKey"), "any")
    return {"KeyMetadata": described(found.key, found.material.material_id)}


@kms.reads("ListKeys", on=anything)
def list_keys(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = page_of(request)
    ids = key_rows.ids(call.tx, call.scope, after=page.after, limit=page.limit + 1)
    return paged("Keys", page, ids, lambda key_id: key_id, lambda key_id: _listed(call, key_id))


@kms.writes("UpdateKeyDescription", asks=True)
def update_key_description(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:UpdateKeyDescription"), "kept").key
    key_rows.replace(call.tx, msgspec.structs.replace(key, description=request["Description"]))
    return {}


@kms.writes("EnableKey", asks=True)
def enable_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:EnableKey"), "kept").key
    key_rows.replace(call.tx, msgspec.structs.replace(key, state=ENABLED))
    return {}


@kms.writes("DisableKey", asks=True)
def disable_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:DisableKey"), "kept").key
    key_rows.replace(call.tx, msgspec.structs.replace(key, state=DISABLED))
    return {}


@kms.writes("ScheduleKeyDeletion", asks=True)
def schedule_key_deletion(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    days = request.get("PendingWindowInDays", WINDOW_DAYS_MOST)
    use = Use("kms:ScheduleKeyDeletion", facts={"kms:ScheduleKeyDeletionPendingWindowInDays": [str(days)]})
    key = finding.managed(call, request["KeyId"], use, "kept").key
    if not WINDOW_DAYS_LEAST <= days <= WINDOW_DAYS_MOST:
        raise invalid(
            f"PendingWindowInDays must be between {WINDOW_DAYS_LEAST} and {WINDOW_DAYS_MOST}, not {days}."
        )
    deletion_ms = call.now_ms + days * DAY_MS
    key_rows.replace(call.tx, msgspec.structs.replace(key, state=PENDING_DELETION, deletion_ms=deletion_ms))
    return {
        "KeyId": key.arn,
        "DeletionDate": deletion_ms / 1000,
        "KeyState": PENDING_DELETION,
        "PendingWindowInDays": days,
    }


@kms.writes("CancelKeyDeletion", asks=True)
def cancel_key_deletion(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:CancelKeyDeletion"), "pending").key
    key_rows.replace(call.tx, msgspec.structs.replace(key, state=DISABLED, deletion_ms=None))
    return {"KeyId": key.arn}


def _bypasses(request: dict[str, Any]) -> bool:
    return bool(request.get("BypassPolicyLockoutSafetyCheck", False))


def _listed(call: Call, key_id: str) -> dict[str, str]:
    return {"KeyId": key_id, "KeyArn": call.scope.arn("kms", f"key/{key_id}")}
