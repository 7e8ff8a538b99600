"""Requests with a ClientToken: the same one again gets the same answer, and does nothing."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.windows.store import windows as store

error = ServiceErrors(service("ssm"))

KEPT_MS = 24 * 3_600_000
TOKEN = "ClientToken"


def once(
    call: Call, operation: str, request: Mapping[str, Any], make: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The answer of `make`, or what it was for this token within a day. IdempotentParameterMismatch when the
    token came with another request."""
    token = request.get(TOKEN)
    if not token:
        return make()
    rest = {member: value for member, value in request.items() if member != TOKEN}
    asked = hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()
    known = store.answered(call.tx, call.scope, operation, token)
    if known is None:
        answer = make()
        store.keep_answer(
            call.tx, call.scope, operation, token, asked=asked, answer=answer, now_ms=call.now_ms
        )
        return answer
    if known[0] != asked:
        raise error.IdempotentParameterMismatch("The ClientToken was used before, with other parameters.")
    return known[1]
