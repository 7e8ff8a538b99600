"""STS: becoming a role by the token of an OpenID Connect issuer, without any key."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.kernel.world import World
from hostreeve.platform.identity.actions import assuming, issuers
from hostreeve.platform.identity.actions.credentials import issue
from hostreeve.platform.identity.model import (
    CLOCK_SKEW_S,
    SESSION_S,
    SOURCE_IDENTITY_CLAIM,
    TAGS_CLAIM,
    OidcProvider,
    Token,
    read_token,
)
from hostreeve.platform.identity.operations.role_sessions import (
    asked,
    assumed,
    find_role_of,
    refuse_longer,
)
from hostreeve.platform.identity.operations.service import ValidationError, everywhere, sts
from hostreeve.platform.identity.operations.session_requests import (
    credentials,
    packed_percent,
    session_policies,
)
from hostreeve.platform.identity.store import oidc_providers


def _look_up(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The token, unverified, and the provider of the role's account that it says it is from."""
    if request.get("ProviderId"):
        raise ValidationError("ProviderId is for OAuth 2.0 access tokens, which are not accepted here.")
    token = _read(request["WebIdentityToken"])
    return request | {"_token": token, "_provider": _provider(call, request, token)}


def _verify(world: World, request: dict[str, Any]) -> dict[str, Any]:
    """The signature, by the issuer's key, and the time."""
    token: Token = request["_token"]
    try:
        key = issuers.key_of(world, request["_provider"], token)
    except issuers.NoKeysError as trouble:
        raise sts.errors.IDPCommunicationErrorException(
            f"Couldn't retrieve verification key from your identity provider. {trouble}"
        ) from None
    if key is None:
        raise _invalid("The token's signature is of no key of its issuer.")
    now_s = world.now_ms() // 1000
    expires_s, not_before_s = token.claims.get("exp"), token.claims.get("nbf", token.claims.get("iat", 0))
    if not isinstance(expires_s, int | float) or not isinstance(not_before_s, int | float):
        raise _invalid("The token does not say until when it is valid.")
    if now_s >= expires_s + CLOCK_SKEW_S:
        raise sts.errors.ExpiredTokenException("The token has expired.")
    if now_s < not_before_s - CLOCK_SKEW_S:
        raise _invalid("The token is not valid yet.")
    return request


@sts.reads("AssumeRoleWithWebIdentity", signer="nobody", begins=_look_up, prepares=_verify)
def assume_role_with_web_identity(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The role's trust policy decides, by the provider and the token's claims."""
    token: Token = request["_token"]
    provider = _provider(call, request, token)
    audience, subject = _audience(provider, token), _text(token, "sub")
    role = find_role_of(call, request["RoleArn"])
    tags, transitive = _tags(token)
    source_identity = _optional_text(token, SOURCE_IDENTITY_CLAIM)
    assuming.require_federated(
        call,
        role,
        provider,
        token.claims,
        tags=tags,
        context=asked(request, source_identity),
    )
    assert role is not None
    name = request["RoleSessionName"]
    policies = session_policies(call, request, role.account)
    packed = packed_percent(policies, tags)
    issued = issue(
        call.keys,
        call.world,
        role,
        name,
        now_ms=call.now_ms,
        duration_s=refuse_longer(request.get("DurationSeconds", SESSION_S), role),
        policies=policies,
        tags=tags,
        transitive_tags=transitive,
        source_identity=source_identity,
        claims={
            "aws:FederatedProvider": provider.arn,
            f"{provider.url}:aud": audience,
            f"{provider.url}:sub": subject,
        },
    )
    answer: dict[str, Any] = {
        "Credentials": credentials(issued),
        "AssumedRoleUser": assumed(role, name),
        "SubjectFromWebIdentityToken": subject,
        "Audience": audience,
        "Provider": provider.arn,
    }
    answer |= {"PackedPolicySize": packed} if packed else {}
    return answer | ({"SourceIdentity": source_identity} if source_identity else {})


def _read(text: str) -> Token:
    try:
        return read_token(text)
    except (ValueError, RecursionError) as wrong:
        raise _invalid(f"The ID Token provided is not a valid JWT: {wrong}.") from None


def _provider(call: Call, request: Mapping[str, Any], token: Token) -> OidcProvider:
    """The provider is the role's account's, whoever calls."""
    account = request["RoleArn"].split(":")[4] if request["RoleArn"].count(":") >= 5 else ""
    found = oidc_providers.find(call.tx, everywhere(account), token.issuer.rstrip("/"))
    if found is None:
        raise _invalid(f"No OpenIDConnect provider found in your account for {_optional_text(token, 'iss')}")
    return found


def _audience(provider: OidcProvider, token: Token) -> str:
    """Whom the token was made for: `azp` if it says so, else the one of its `aud` that is a client."""
    given = token.claims.get("azp") or token.claims.get("aud")
    audiences = given if isinstance(given, list) else [given]
    found = next((each for each in audiences if each in provider.client_ids), None)
    if not isinstance(found, str):
        raise _invalid("Incorrect token audience")
    return found


def _tags(token: Token) -> tuple[dict[str, str], tuple[str, ...]]:
    """Session tags that the issuer put into the token."""
    claim = token.claims.get(TAGS_CLAIM) or {}
    given = claim.get("principal_tags", {}) if isinstance(claim, dict) else None
    keys = claim.get("transitive_tag_keys", []) if isinstance(claim, dict) else []
    if not isinstance(given, dict) or not isinstance(keys, list):
        raise _invalid(f"The claim {TAGS_CLAIM} is not an object of principal_tags and transitive_tag_keys.")
    tags: dict[str, str] = {}
    for key, values in given.items():
        value = values[0] if isinstance(values, list) and len(values) == 1 else values
        if not isinstance(value, str) or len(key) > 128 or len(value) > 256:
            raise _invalid(f"The principal tag {key} is not one text.")
        tags[key] = value
    lower = {key.lower() for key in tags}
    if len(lower) < len(tags) or len(tags) > 50 or not all(isinstance(key, str) for key in keys):
        raise _invalid("The principal tags are more than 50, or two of them are the same.")
    transitive = {key.lower() for key in keys}
    if not transitive <= lower:
        raise _invalid("A transitive tag key is not among the principal tags.")
    return tags, tuple(sorted(transitive))


def _text(token: Token, claim: str) -> str:
    found = _optional_text(token, claim)
    if not found:
        raise _invalid(f"Missing a required claim: {claim}")
    return found


def _optional_text(token: Token, claim: str) -> str:
    found = token.claims.get(claim, "")
    if not isinstance(found, str):
        raise _invalid(f"The claim {claim} is not a text.")
    return found


def _invalid(why: str) -> AwsError:
    refusal: AwsError = sts.errors.InvalidIdentityTokenException(why)
    return refusal
