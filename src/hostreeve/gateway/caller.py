"""One request on its way, and who is asked about its caller. The meaning arrives by argument."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hostreeve.api.call import Principal, ResourcePolicy
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.signature_claims import Claim
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

NOWHERE = Scope("", "")
NOBODY = Principal(account="", arn="anonymous", id="anonymous", access_key_id="")


class Credential(Protocol):
    """What an access key id stands for: the secret that must have signed, and the principal that signed with
    it."""

    @property
    def secret(self) -> str: ...

    @property
    def principal(self) -> Principal: ...


class Authority(Protocol):
    """Who callers are and what they may do; the platform's identity and the nodes slice answer."""

    def credential(
        self, tx: Transaction, access_key_id: str, session_token: str | None, now_ms: int
    ) -> Credential:
        """The credential of that key. Raises the AWS error for unknown, inactive and expired ones."""
        ...

    def machine_key(self, tx: Transaction, node_id: str) -> tuple[bytes, Principal]:
        """A managed node's public key (DER SubjectPublicKeyInfo) and the principal that it proves."""
        ...

    def authorise(
        self,
        tx: Transaction,
        call: "Caller",
        action: str,
        resources: list[str],
        context: Callable[[], Mapping[str, list[str]]],
        *,
        policy: ResourcePolicy | None = None,
    ) -> None:
        """Returns when allowed; raises AccessDenied with the reason otherwise.

        `context` answers the condition keys; most policies have no condition that asks for them.
        """
        ...

    def context(self, call: "Caller", request: Mapping[str, Any]) -> dict[str, list[str]]:
        """The condition keys of one request (`aws:SourceIp`, `aws:RequestedRegion`, …)."""
        ...


@dataclass(slots=True)
class Caller:
    """One request on its way: filled from left to right by the stages below."""

    http: HttpRequest
    request_id: str
    now_ms: int
    principal: Principal = NOBODY
    scope: Scope = NOWHERE
    claim: Claim | None = None
    claimed: Principal = NOBODY
    """Whose key it says it was signed with; nothing of it is proven."""
    request: Mapping[str, Any] | None = None
    asked: list[str] = field(default_factory=list)
    """The resources that leave was asked for."""
    began_ms: int = 0
    """When it came; `now_ms` goes on while a poll waits."""
    is_recorded: bool = False
    """Its own transaction has brought its record to disk."""
