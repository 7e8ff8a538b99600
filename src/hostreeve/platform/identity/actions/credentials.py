"""Access keys and session tokens: making them, and finding out whose request one has signed."""

import base64
import binascii
from hashlib import sha256
from typing import NamedTuple, TypedDict, Unpack

import msgspec

from hostreeve.api.call import Principal, Sealer, SessionFacts
from hostreeve.api.errors import AwsError, common
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.actions.trust import trusts
from hostreeve.platform.identity.model import (
    NODE_SERVICE,
    ROLE_ID,
    SESSION_KEY,
    USER_KEY,
    AccessKey,
    Identity,
    IssuedCredentials,
    Session,
    SessionKind,
    account_of,
    federated_arn,
    new_id,
    new_secret,
    session_arn,
)
from hostreeve.platform.identity.store import access_keys, identities, standing
from hostreeve.platform.identity.store.changes import stamp_of
from hostreeve.platform.identity.store.memory import Memory

_SESSION = "identity/session"
_TOKEN_CHARS_MAX = 32_768
_FOREVER_MS = 1 << 62


class Credential(NamedTuple):
    """The secret that must have signed, and who signs with it."""

    secret: str
    principal: Principal


class Further(TypedDict, total=False):
    """What may be said of a session beside whose and how long."""

    node_id: str
    policies: tuple[str, ...]
    tags: dict[str, str]
    kind: SessionKind
    mfa_ms: int
    source_identity: str
    transitive_tags: tuple[str, ...]
    claims: dict[str, str]


class _Known(NamedTuple):
    stamp: str
    token: bytes
    expires_ms: int
    credential: Credential


_known: Memory[str, _Known] = Memory(16_384)


def find_credential(
    tx: Transaction, keys: Sealer, access_key_id: str, session_token: str | None, now_ms: int
) -> Credential:
    """Whose key it is. InvalidClientTokenId for unknown, inactive and revoked ones, ExpiredTokenException for
    sessions that are over.

    What was unsealed is kept for as long as the account's stamp, read here in the caller's transaction, is
    the same: a key deactivated on one replica is refused by all with the next request.
    """
    known = _known.get(access_key_id)
    account = known.credential.principal.account if known else account_of(access_key_id)
    if account is None:
        raise _unknown()
    token = sha256(session_token.encode()).digest() if session_token else b""
    stamp = stamp_of(tx, account)
    if known is None or known.stamp != stamp or known.token != token:
        scope = Scope(account, GLOBAL)
        if standing.is_closed(tx, account):
            raise _unknown()
        if session_token:
            expires_ms, credential = _of_session(tx, keys, scope, access_key_id, session_token)
        else:
            expires_ms, credential = _FOREVER_MS, _of_user(tx, keys, scope, access_key_id)
        known = _Known(stamp, token, expires_ms, credential)
        _known.keep(access_key_id, known)
    if now_ms >= known.expires_ms:
        raise common.ExpiredTokenException("The security token included in the request is expired")
    return known.credential


def _of_user(tx: Transaction, keys: Sealer, scope: Scope, access_key_id: str) -> Credential:
    key = access_keys.find(tx, scope, access_key_id)
    user = identities.find_by_id(tx, scope, key.user_id) if key and key.status == "Active" else None
    if key is None or user is None:
        raise _unknown()
    principal = Principal(scope.account, user.arn, user.identity_id, access_key_id, tags=user.tags)
    return Credential(secret_of(keys, key), principal)


def _of_session(
    tx: Transaction, keys: Sealer, scope: Scope, access_key_id: str, session_token: str
) -> tuple[int, Credential]:
    session = _opened(keys, session_token)
    if session is None or session.access_key_id != access_key_id or session.account != scope.account:
        raise _unknown()
    # A user or role of the same name made anew has another id, so sessions of the one before are over.
    owner = identities.find_by_id(tx, scope, session.owner_id)
    if owner is None or (session.node_id and identities.is_revoked(tx, scope, session.node_id)):
        raise _unknown()
    return session.expires_ms, Credential(session.secret, _principal(session, owner))


def _principal(session: Session, owner: Identity) -> Principal:
    """Who a session is: a role's has a name of its own, a user's is the user, a federated one is another."""
    arn, unique_id, role_arn, tags = owner.arn, owner.identity_id, "", owner.tags
    if session.kind == "role":
        arn, role_arn = session_arn(owner.account, owner.name, session.name), owner.arn
        unique_id, tags = f"{owner.identity_id}:{session.name}", {**owner.tags, **session.tags}
    elif session.kind == "federation":
        arn, unique_id = federated_arn(owner.account, session.name), f"{owner.account}:{session.name}"
        tags = session.tags
    return Principal(
        account=owner.account,
        arn=arn,
        id=unique_id,
        access_key_id=session.access_key_id,
        node_id=session.node_id or None,
        tags=tags,
        role_arn=role_arn,
        session_policies=session.policies,
        owner_id=owner.identity_id,
        session=SessionFacts(
            kind=session.kind,
            issued_ms=session.issued_ms,
            mfa_ms=session.mfa_ms,
            source_identity=session.source_identity,
            transitive_tags=session.transitive_tags,
            claims=session.claims,
        ),
    )


def _opened(keys: Sealer, token: str) -> Session | None:
    if len(token) > _TOKEN_CHARS_MAX:
        return None
    try:
        return msgspec.msgpack.decode(
            keys.unseal(_SESSION, base64.b64decode(token, validate=True)), type=Session
        )
    except (binascii.Error, ValueError):
        return None


def new_key(
    tx: Transaction, keys: Sealer, world: World, user: Identity, now_ms: int
) -> tuple[AccessKey, str]:
    """A further key of the user, and its secret, which is stored sealed only."""
    secret = new_secret(world)
    access_key_id = new_id(world, USER_KEY, user.account)
    key = AccessKey(
        account=user.account,
        access_key_id=access_key_id,
        user_id=user.identity_id,
        status="Active",
        sealed_secret=keys.seal(_purpose(access_key_id), secret.encode()),
        created_ms=now_ms,
    )
    access_keys.insert(tx, Scope(user.account, GLOBAL), key)
    return key, secret


def secret_of(keys: Sealer, key: AccessKey) -> str:
    return keys.unseal(_purpose(key.access_key_id), key.sealed_secret).decode()


def _purpose(access_key_id: str) -> str:
    """A sealed secret opens for its own key only: rows cannot be exchanged."""
    return f"identity/access-key/{access_key_id}"


def issue_role_credentials(
    tx: Transaction,
    keys: Sealer,
    world: World,
    *,
    account: str,
    role_name: str,
    session_name: str,
    node_id: str,
    duration_s: int,
    now_ms: int,
) -> IssuedCredentials:
    """Temporary credentials of a role for one managed node. The session is bound to the node.

    ValidationException when there is no such role, AccessDeniedException when the role does not trust Systems
    Manager (any more).
    """
    # An agent asks again within seconds after most errors, but only in half an hour after AccessDenied:
    # a role that is not there may be made by somebody soon.
    role = find_role(tx, account, role_name)
    if role is None:
        raise common.ValidationException(f"The role {role_name} of the managed node does not exist.")
    if standing.is_closed(tx, account):
        raise common.AccessDeniedException(f"The account {account} is closed.")
    if not trusts(role, NODE_SERVICE):
        raise common.AccessDeniedException(
            f"{NODE_SERVICE} is not authorized to perform: sts:AssumeRole on resource: {role.arn}"
        )
    return issue(keys, world, role, session_name, node_id=node_id, now_ms=now_ms, duration_s=duration_s)


def issue(
    keys: Sealer,
    world: World,
    owner: Identity,
    name: str,
    *,
    now_ms: int,
    duration_s: int,
    **more: Unpack[Further],
) -> IssuedCredentials:
    """Credentials of a session of a role or user, whoever may have them. All that is known of it is in its
    token: nothing is stored."""
    session = Session(
        access_key_id=new_id(world, SESSION_KEY, owner.account),
        secret=new_secret(world),
        account=owner.account,
        owner_id=owner.identity_id,
        name=name,
        issued_ms=now_ms,
        expires_ms=now_ms + duration_s * 1000,
        **more,
    )
    token = base64.b64encode(keys.seal(_SESSION, msgspec.msgpack.encode(session))).decode()
    return IssuedCredentials(
        access_key_id=session.access_key_id,
        secret=session.secret,
        session_token=token,
        expires_ms=session.expires_ms,
    )


def find_role(tx: Transaction, account: str, name: str) -> Identity | None:
    """A role by its name or by path and name, as activations give it: `SSMServiceRole`,
    `service-role/SSMServiceRole`.
    """
    path, _, bare = name.rpartition("/")
    role = identities.find(tx, Scope(account, GLOBAL), "role", bare)
    if role is None or (path and role.path.strip("/") != path.strip("/")):
        return None
    return role


def revoke_node(tx: Transaction, account: str, node_id: str) -> None:
    """The sessions of this node are over, whatever their tokens say. For good: ids are not given twice."""
    identities.revoke_node(tx, Scope(account, GLOBAL), node_id)


def is_role_session(principal: Principal) -> bool:
    return principal.id.startswith(ROLE_ID)


def _unknown() -> AwsError:
    error: AwsError = common.InvalidClientTokenId("The security token included in the request is invalid.")
    return error
