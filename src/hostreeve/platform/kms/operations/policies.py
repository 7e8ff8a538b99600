"""Key policies: shown and replaced. A key has one, and it is called default."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform import identity
from hostreeve.platform.kms.actions import finding
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.model.key import POLICY_CHARS_MAX
from hostreeve.platform.kms.model.policies import DEFAULT
from hostreeve.platform.kms.model.refusals import error
from hostreeve.platform.kms.operations.service import kms, page_of, paged
from hostreeve.platform.kms.store import keys as key_rows

_PUT = "kms:PutKeyPolicy"


@kms.reads("GetKeyPolicy", asks=True)
def get_key_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:GetKeyPolicy")).key
    _refuse_other_names(request)
    return {"Policy": identity.show_principals(call.tx, key.policy), "PolicyName": DEFAULT}


@kms.reads("ListKeyPolicies", asks=True)
def list_key_policies(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    finding.managed(call, request["KeyId"], Use("kms:ListKeyPolicies"))
    page = page_of(request)
    names = [DEFAULT] if page.after < DEFAULT else []
    return paged("PolicyNames", page, names, str, str)


@kms.writes("PutKeyPolicy", asks=True)
def put_key_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    bypasses = request.get("BypassPolicyLockoutSafetyCheck", False)
    facts = {"kms:BypassPolicyLockoutSafetyCheck": [str(bypasses).lower()]}
    key = finding.managed(call, request["KeyId"], Use(_PUT, facts=facts)).key
    _refuse_other_names(request)
    policy = accepted(call, request["Policy"], key.arn, bypasses=bypasses)
    key_rows.replace(call.tx, msgspec.structs.replace(key, policy=policy))
    return {}


def accepted(call: Call, policy: str, arn: str, *, bypasses: bool) -> str:
    """The policy as it is kept.

    MalformedPolicyDocumentException when the document is no policy, names a user or role that does not exist,
    or when the caller could not change it again and does not say that this is meant.
    """
    if len(policy) > POLICY_CHARS_MAX:
        raise error.LimitExceededException(f"A key policy has at most {POLICY_CHARS_MAX} characters.")
    known = identity.request_context(
        call.principal, now_ms=call.now_ms, source_ip=call.source_ip, region=call.scope.region, user_agent=""
    )
    try:
        speaks = identity.speaks_for(
            policy, call.principal, _PUT, arn, known | {"kms:calleraccount": [call.principal.account]}
        )
    except identity.MalformedPolicy as malformed:
        raise error.MalformedPolicyDocumentException(str(malformed)) from None
    if not speaks and not bypasses:
        raise error.MalformedPolicyDocumentException(
            "The new key policy will not allow you to update the key policy in the future."
        )
    try:
        return identity.keep_principals(call.tx, policy)
    except identity.UnknownPrincipal as unknown:
        raise error.MalformedPolicyDocumentException(
            f"Policy contains a statement with one or more invalid principals: {unknown}."
        ) from None


def _refuse_other_names(request: Mapping[str, Any]) -> None:
    if request.get("PolicyName", DEFAULT) != DEFAULT:
        raise error.NotFoundException("No such policy exists")
