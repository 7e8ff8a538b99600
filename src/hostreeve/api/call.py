"""What an operation is handed: who calls, for which account and Region, inside which transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What is known of temporary credentials beside whose they are.

    `mfa_ms` is when a code of an MFA device was given, 0 for never. Transitive tags are keys, lower-case.
    `claims` are condition keys of the web identity that the session was given for.
    """

    kind: Literal["role", "token", "sign-in", "federation"]
    issued_ms: int
    mfa_ms: int = 0
    source_identity: str = ""
    transitive_tags: tuple[str, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `arn` is an IAM user's, an assumed role's session's (`arn:aws:sts::…:assumed-role/R/s`), a federated
    user's or the account root's;
    `id` is AWS's unique id (`AIDA…`, `AROA…:session`); `node_id` is set when a managed node's role session
    calls;
    `tags` are the principal's tags, for `aws:PrincipalTag/…`. Of a role's session, `role_arn` is the role and
    `session_policies` limit what the session may do of what the role may: documents, or ARNs of policies.
    """

    account: str
    arn: str
    id: str
    access_key_id: str
    node_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    role_arn: str = ""
    session_policies: tuple[str, ...] = ()
    owner_id: str = ""
    """The user or role whose policies count, where `id` does not tell (federated users)."""
    session: SessionFacts | None = None
    """None for long-term keys and machine keys."""


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """What a resource itself says about who may use it, decided together with the caller's own policies.

    `owner` is the resource's account; an empty `document` allows nothing. `must_speak`: the caller's own
    policies count only where the document names the account (keys, unlike buckets). `granted_to` is the
    principal whom a grant of the resource's allows what is asked. `context` answers condition keys that cost
    a look into the store; it is asked only if a policy names a key that is not known without it.
    """

    owner: str
    document: str = ""
    must_speak: bool = False
    granted_to: str = ""
    context: Callable[[], Mapping[str, list[str]]] | None = None


class Authorise(Protocol):
    """Raises AccessDenied unless the caller may perform `action` ("ssm:SendCommand") on every one of
    `resources`, whose own policy, if they have any, is `policy`."""

    def __call__(
        self,
        action: str,
        resources: list[str],
        context: Mapping[str, list[str]] | None = None,
        *,
        policy: ResourcePolicy | None = None,
    ) -> None: ...


class Sealer(Protocol):
    """Envelope encryption under the installation's master key (platform.keys provides it)."""

    def seal(self, purpose: str, plaintext: bytes) -> bytes:
        """Ciphertext that only `unseal` with the same purpose opens."""
        ...

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """The plaintext. ValueError when it was tampered with, or sealed for another purpose or master
        key."""
        ...


@dataclass(slots=True)
class Call:
    """The one context of an operation. `now_ms` is read once per call."""

    tx: Transaction
    scope: Scope
    principal: Principal
    world: World
    now_ms: int
    request_id: str
    require: Authorise
    emit: Callable[[str, str, Mapping[str, Any]], None]
    """`emit(detail_type, aggregate, detail)`: an event row in the outbox, in this transaction."""
    keys: Sealer
    source_ip: str = ""
    host: str = ""
    """The Host that the caller reached us by, port included, as its signature covers it."""
    audit: object = None
    """Who keeps the record of calls in this process; only that slice knows more of it."""
