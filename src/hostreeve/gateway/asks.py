"""What one request asks of the house besides its rows."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from hostreeve.api.call import ResourcePolicy
from hostreeve.gateway.caller import Authority, Caller
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction


class Asks:
    """What one request asks of the house besides its rows: leave to do something, and to tell an event."""

    __slots__ = ("_authority", "_caller", "_context", "_request", "_tx", "asked")

    def __init__(
        self, authority: Authority, tx: Transaction, caller: Caller, request: Mapping[str, Any]
    ) -> None:
        self._authority = authority
        self._tx = tx
        self._caller = caller
        self._request = request
        self._context: dict[str, list[str]] | None = None
        self.asked = False

    def leave(
        self,
        action: str,
        resources: list[str],
        context: Mapping[str, list[str]] | None = None,
        *,
        policy: ResourcePolicy | None = None,
    ) -> None:
        """`call.require`: the authority's answer, with the request's condition keys at hand."""
        self.asked = True
        self._caller.asked += resources
        known = partial(self._known, context) if context else self._known
        self._authority.authorise(self._tx, self._caller, action, resources, known, policy=policy)

    def emit(self, detail_type: str, aggregate: str, detail: Mapping[str, Any]) -> None:
        """`call.emit`: an event row in the outbox, in this transaction."""
        caller = self._caller
        outbox.put(
            self._tx,
            caller.scope,
            detail_type=detail_type,
            aggregate=aggregate,
            detail=detail,
            now_ms=caller.now_ms,
        )

    def _known(self, more: Mapping[str, list[str]] | None = None) -> Mapping[str, list[str]]:
        if self._context is None:
            self._context = self._authority.context(self._caller, self._request)
        return {**self._context, **more} if more else self._context
