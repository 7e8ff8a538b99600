"""OpenID Connect providers, as callers of IAM see them."""

from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.identity.model import (
    CLIENT_IDS_MAX,
    OIDC_PROVIDERS_MAX,
    THUMBPRINTS_MAX,
    OidcProvider,
    provider_arn,
    provider_url,
)
from hostreeve.platform.identity.operations.service import (
    Context,
    asked_tags,
    error,
    iam,
    refuse_unruly,
    shown_tags,
    tag_context,
)
from hostreeve.platform.identity.operations.tags import serve_tags
from hostreeve.platform.identity.store import oidc_providers


@iam.writes("CreateOpenIDConnectProvider", asks=True)
def create_open_id_connect_provider(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The issuer is not asked for anything before a token of it comes."""
    tags, context = asked_tags(request)
    try:
        url = provider_url(request["Url"])
    except ValueError as wrong:
        call.require("iam:CreateOpenIDConnectProvider", ["*"], context)
        raise error.InvalidInput(str(wrong)) from None
    provider = OidcProvider(
        account=call.scope.account,
        url=url,
        client_ids=list(dict.fromkeys(request.get("ClientIDList", ()))),
        thumbprints=_thumbprints(request.get("ThumbprintList", ())),
        created_ms=call.now_ms,
        tags=tags,
    )
    call.require("iam:CreateOpenIDConnectProvider", [provider.arn], context)
    refuse_unruly(call, "oidc-provider", tags)
    _refuse_many(provider)
    if len(oidc_providers.listed(call.tx, call.scope)) >= OIDC_PROVIDERS_MAX:
        raise error.LimitExceeded(
            f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {OIDC_PROVIDERS_MAX}"
        )
    if not oidc_providers.insert(call.tx, call.scope, provider):
        raise error.EntityAlreadyExists(f"Provider with url https://{url} already exists.")
    return {"OpenIDConnectProviderArn": provider.arn} | ({"Tags": shown_tags(tags)} if tags else {})


@iam.reads("GetOpenIDConnectProvider", asks=True)
def get_open_id_connect_provider(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    provider = _wanted(call, request, "iam:GetOpenIDConnectProvider")
    shown: dict[str, Any] = {
        "Url": provider.url,
        "ClientIDList": provider.client_ids,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": provider.created_ms / 1000,
    }
    return shown | ({"Tags": shown_tags(provider.tags)} if provider.tags else {})


@iam.reads("ListOpenIDConnectProviders", on=anything)
def list_open_id_connect_providers(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = oidc_providers.listed(call.tx, call.scope)
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in found]}


@iam.writes("DeleteOpenIDConnectProvider", asks=True)
def delete_open_id_connect_provider(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Deleting what is not there is no error, as at AWS. Sessions that were given live on until they end."""
    arn = request["OpenIDConnectProviderArn"]
    provider = _find(call, arn)
    call.require("iam:DeleteOpenIDConnectProvider", [arn], tag_context(provider.tags if provider else {}))
    if provider is not None:
        oidc_providers.delete(call.tx, call.scope, provider.url)
    return {}


@iam.writes("UpdateOpenIDConnectProviderThumbprint", asks=True)
def update_open_id_connect_provider_thumbprint(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The list in place of the one before."""
    provider = _wanted(call, request, "iam:UpdateOpenIDConnectProviderThumbprint")
    thumbprints = _thumbprints(request["ThumbprintList"])
    _store(call, msgspec.structs.replace(provider, thumbprints=thumbprints))
    return {}


@iam.writes("AddClientIDToOpenIDConnectProvider", asks=True)
def add_client_id_to_open_id_connect_provider(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Adding twice changes nothing."""
    provider = _wanted(call, request, "iam:AddClientIDToOpenIDConnectProvider")
    client_ids = list(dict.fromkeys([*provider.client_ids, request["ClientID"]]))
    _store(call, msgspec.structs.replace(provider, client_ids=client_ids))
    return {}


@iam.writes("RemoveClientIDFromOpenIDConnectProvider", asks=True)
def remove_client_id_from_open_id_connect_provider(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Removing what is not there changes nothing."""
    provider = _wanted(call, request, "iam:RemoveClientIDFromOpenIDConnectProvider")
    client_ids = [each for each in provider.client_ids if each != request["ClientID"]]
    _store(call, msgspec.structs.replace(provider, client_ids=client_ids))
    return {}


def _wanted(call: Call, request: dict[str, Any], action: str, context: Context | None = None) -> OidcProvider:
    """The provider that a request names, if the caller may do that with it."""
    arn = request["OpenIDConnectProviderArn"]
    provider = _find(call, arn)
    call.require(action, [arn], {**tag_context(provider.tags if provider else {}), **(context or {})})
    if provider is None:
        raise error.NoSuchEntity(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def _find(call: Call, arn: str) -> OidcProvider | None:
    beginning = provider_arn(call.scope.account, "")
    if not arn.startswith(beginning):
        return None
    return oidc_providers.find(call.tx, call.scope, arn.removeprefix(beginning))


def _thumbprints(given: Any) -> list[str]:
    wrong = next(
        (each for each in given if not all(digit in "0123456789abcdefABCDEF" for digit in each)), None
    )
    if wrong is not None:
        raise error.InvalidInput(f"{wrong} is not the SHA-1 of a certificate in hexadecimal digits.")
    return list(dict.fromkeys(each.lower() for each in given))


def _store(call: Call, provider: OidcProvider) -> None:
    _refuse_many(provider)
    oidc_providers.update(call.tx, call.scope, provider)


def _refuse_many(provider: OidcProvider) -> None:
    if len(provider.client_ids) > CLIENT_IDS_MAX:
        raise error.LimitExceeded(
            f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_MAX}"
        )
    if len(provider.thumbprints) > THUMBPRINTS_MAX:
        raise error.LimitExceeded("Thumbprint list must contain fewer than 5 entries.")


def _keep(call: Call, provider: OidcProvider, tags: dict[str, str]) -> None:
    oidc_providers.update(call.tx, call.scope, msgspec.structs.replace(provider, tags=tags))


serve_tags("OpenIDConnectProvider", _wanted, _keep, "oidc-provider")
