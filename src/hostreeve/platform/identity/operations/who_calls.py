"""STS: who a caller is, whose a key is, and what an encoded denial says."""

import json
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything, nothing
from hostreeve.platform.identity.actions import denials
from hostreeve.platform.identity.model import account_of
from hostreeve.platform.identity.operations.service import ValidationError, sts


@sts.reads("GetCallerIdentity", on=nothing)
def get_caller_identity(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Anybody may ask who they are; no policy can forbid it, as at AWS."""
    who = call.principal
    return {"UserId": who.id, "Account": who.account, "Arn": who.arn}


@sts.reads("GetAccessKeyInfo", on=anything)
def get_access_key_info(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The account is read from the id itself; whether the key exists is not said."""
    account = account_of(request["AccessKeyId"])
    if account is None:
        raise ValidationError(f"{request['AccessKeyId']} is no access key id of an account here.")
    return {"Account": account}


@sts.reads("DecodeAuthorizationMessage", on=anything)
def decode_authorization_message(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Of the caller's own account only; nobody else learns what its policies are like."""
    found = denials.decoded(call.keys, request["EncodedMessage"])
    if found is None or found.account != call.principal.account:
        raise sts.errors.InvalidAuthorizationMessageException(
            "The message is not one that was encoded here for this account."
        )
    return {"DecodedMessage": json.dumps(found.message, separators=(",", ":"))}
