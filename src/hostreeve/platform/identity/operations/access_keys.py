"""Users' access keys, as callers of IAM see them."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.identity.actions.credentials import new_key
from hostreeve.platform.identity.model import KEYS_PER_USER_MAX, AccessKey, Identity
from hostreeve.platform.identity.operations.service import error, iam, paged_here, wanted
from hostreeve.platform.identity.store import access_keys, identities

STATUSES = ("Active", "Inactive")


@iam.writes("CreateAccessKey", asks=True)
def create_access_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The secret is answered here and never again."""
    user = wanted(call, "user", request.get("UserName"), "iam:CreateAccessKey")
    if len(access_keys.listed(call.tx, call.scope, user.identity_id)) >= KEYS_PER_USER_MAX:
        raise error.LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER_MAX}")
    key, secret = new_key(call.tx, call.keys, call.world, user, call.now_ms)
    return {"AccessKey": _described(user, key) | {"SecretAccessKey": secret}}


@iam.reads("ListAccessKeys", asks=True)
def list_access_keys(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = wanted(call, "user", request.get("UserName"), "iam:ListAccessKeys")
    keys = access_keys.listed(call.tx, call.scope, user.identity_id)
    return paged_here(
        "AccessKeyMetadata", request, keys, lambda key: key.access_key_id, lambda key: _described(user, key)
    )


@iam.writes("UpdateAccessKey", asks=True)
def update_access_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Activate or deactivate; every replica knows with its next request."""
    user = wanted(call, "user", request.get("UserName"), "iam:UpdateAccessKey")
    if request["Status"] not in STATUSES:
        raise error.InvalidInput(f"Access keys cannot be set to {request['Status']} by a caller.")
    key = _key_of(call, user, request["AccessKeyId"])
    access_keys.set_status(call.tx, call.scope, key.access_key_id, request["Status"])
    return {}


@iam.writes("DeleteAccessKey", asks=True)
def delete_access_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = wanted(call, "user", request.get("UserName"), "iam:DeleteAccessKey")
    key = _key_of(call, user, request["AccessKeyId"])
    access_keys.delete(call.tx, call.scope, key.access_key_id)
    return {}


@iam.reads("GetAccessKeyLastUsed", asks=True)
def get_access_key_last_used(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Up to a minute late: uses are written down now and then."""
    key = access_keys.find(call.tx, call.scope, request["AccessKeyId"])
    user = identities.find_by_id(call.tx, call.scope, key.user_id) if key else None
    call.require("iam:GetAccessKeyLastUsed", [user.arn if user else "*"])
    if key is None or user is None:
        raise _no_key(request["AccessKeyId"])
    used = {"ServiceName": key.used_service or "N/A", "Region": key.used_region or "N/A"}
    when = {"LastUsedDate": key.used_ms / 1000} if key.used_ms else {}
    return {"UserName": user.name, "AccessKeyLastUsed": {**used, **when}}


def _key_of(call: Call, user: Identity, access_key_id: str) -> AccessKey:
    key = access_keys.find(call.tx, call.scope, access_key_id)
    if key is None or key.user_id != user.identity_id:
        raise _no_key(access_key_id)
    return key


def _no_key(access_key_id: str) -> Exception:
    missing: Exception = error.NoSuchEntity(f"The Access Key with id {access_key_id} cannot be found.")
    return missing


def _described(user: Identity, key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "AccessKeyId": key.access_key_id,
        "Status": key.status,
        "CreateDate": key.created_ms / 1000,
    }
