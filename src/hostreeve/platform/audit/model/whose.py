"""CloudTrail's `userIdentity`: who called, as far as that is proven."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from hostreeve.api.call import Principal, SessionFacts

_KEPT_MAX = 16_384
_kept: dict[str, tuple[Principal, tuple[msgspec.Raw, str]]] = {}


def identity_of(principal: Principal) -> tuple[msgspec.Raw, str]:
    """The identity of whoever is proven to have signed, as JSON, and its name; made once for each key."""
    known = _kept.get(principal.access_key_id)
    if known is not None and known[0] is principal:
        return known[1]
    if len(_kept) >= _KEPT_MAX:
        _kept.clear()
    told = msgspec.Raw(msgspec.json.encode(identity(principal)))
    name = "root" if principal.arn.endswith(":root") else principal.arn.rpartition("/")[2]
    _kept[principal.access_key_id] = (principal, (told, name))
    return told, name


def identity(principal: Principal) -> dict[str, Any]:
    """The members of `userIdentity` for a principal."""
    kind, session = _kind(principal), principal.session
    told: dict[str, Any] = {
        "type": kind,
        "principalId": principal.id,
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": principal.access_key_id,
    }
    if kind == "IAMUser":
        told["userName"] = principal.arn.rpartition("/")[2]
    if session is not None or kind == "AssumedRole":
        told["sessionContext"] = _context(principal, session)
    return told


def unproven(access_key_id: str, account: str) -> msgspec.Raw:
    """The identity of a caller whose signature proves nothing: the key that was named, and whose that is."""
    told = {"type": "Unknown"}
    if account:
        told["accountId"] = account
    if access_key_id:
        told["accessKeyId"] = access_key_id[:128]
    return msgspec.Raw(msgspec.json.encode(told))


def anonymous(account: str) -> msgspec.Raw:
    """The identity where no signature is asked for."""
    told = {"type": "AWSAccount", "principalId": "", "accountId": account or "anonymous"}
    return msgspec.Raw(msgspec.json.encode(told))


def _kind(principal: Principal) -> str:
    if principal.role_arn or ":assumed-role/" in principal.arn or principal.node_id:
        return "AssumedRole"
    if principal.arn.endswith(":root"):
        return "Root"
    if principal.session is not None and principal.session.kind == "federation":
        return "FederatedUser"
    return "IAMUser"


def _context(principal: Principal, session: SessionFacts | None) -> dict[str, Any]:
    issuer: dict[str, Any] = {}
    if principal.role_arn:
        issuer = {
            "type": "Role",
            "principalId": principal.id.partition(":")[0],
            "arn": principal.role_arn,
            "accountId": principal.account,
            "userName": principal.role_arn.rpartition("/")[2],
        }
    told: dict[str, Any] = {"sessionIssuer": issuer} if issuer else {}
    if session is not None:
        issued = datetime.fromtimestamp(session.issued_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told["attributes"] = {
            "creationDate": issued,
            "mfaAuthenticated": "true" if session.mfa_ms else "false",
        }
        if session.source_identity:
            told["sourceIdentity"] = session.source_identity
        if session.claims:
            provider = next(iter(session.claims)).rpartition(":")[0]
            told["webIdFederationData"] = {"federatedProvider": provider, "attributes": {}}
    return told
