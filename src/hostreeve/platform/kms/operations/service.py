"""What all operations of kms share: their table, pages of lists, grant tokens, common refusals."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.kernel.scope import Scope
from hostreeve.platform.kms.model.grants import Grant
from hostreeve.platform.kms.model.refusals import error, unsupported

kms = Operations("kms")

PAGE_MAX, PAGE = 1000, 100
Row = TypeVar("Row")
_TOKEN = "kms/grant-token"


def page_of(request: Mapping[str, Any], *, maximum: int = PAGE_MAX, default: int = PAGE) -> paging.Page:
    return paging.read(
        request,
        maximum=maximum,
        default=default,
        limit_member="Limit",
        token_member="Marker",
        error=error.InvalidMarkerException,
    )


def paged(
    member: str,
    page: paging.Page,
    rows: Sequence[Row],
    key: Callable[[Row], str | int],
    show: Callable[[Row], Any],
) -> dict[str, Any]:
    """An answer with one page of a list, from one row more than the page holds."""
    token = page.token(rows, key)
    answer: dict[str, Any] = {member: [show(row) for row in rows[: page.limit]], "Truncated": bool(token)}
    return answer | {"NextMarker": token} if token else answer


def token_of(call: Call, grant: Grant) -> str:
    """A grant token: it tells the grant to nobody but us."""
    named = msgspec.json.encode((grant.account, grant.region, grant.key_id, grant.grant_id))
    return base64.urlsafe_b64encode(call.keys.seal(_TOKEN, named)).decode()


def opened_token(call: Call, token: str) -> tuple[Scope, str, str]:
    """The scope, key and grant ids of a token. InvalidGrantTokenException when it is none of ours."""
    try:
        named = call.keys.unseal(_TOKEN, base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise error.InvalidGrantTokenException("The grant token is not valid.") from None
    account, region, key_id, grant_id = msgspec.json.decode(named)
    return Scope(account, region), key_id, grant_id


def check_common(call: Call, request: Mapping[str, Any]) -> None:
    """Grants count at once here, so their tokens need only be true. Enclaves cannot attest themselves."""
    for token in request.get("GrantTokens", ()):
        opened_token(call, token)
    if "Recipient" in request:
        raise unsupported("attested enclaves (Recipient)")
