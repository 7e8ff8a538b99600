"""Passwords: hashing them beside the transaction, comparing them inside it, and keeping new ones."""

import hmac
import threading
from typing import NamedTuple

import msgspec

from hostreeve.api.call import Sealer
from hostreeve.api.errors import common
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import (
    COST,
    SALT_BYTES,
    Identity,
    Login,
    cost_of,
    hashed,
    violation,
)
from hostreeve.platform.identity.store import aliases, logins

AT_ONCE_MAX = 4
REMEMBERED = 24
"""Passwords before; the most that a policy can forbid."""

_room = threading.BoundedSemaphore(AT_ONCE_MAX)


class Hash(NamedTuple):
    """A password, as it can be compared: only with hashes of the same salt and cost."""

    salt: bytes
    cost: str
    digest: bytes


def new_hash(world: World, password: str) -> Hash:
    """Of a password that is nobody's yet. Slow: beside any transaction."""
    return _hash(password, world.token(SALT_BYTES), str(COST))


def hash_for(login: Login, password: str) -> Hash:
    """Comparable with the login's password and with those before. Slow: beside any transaction."""
    return _hash(password, login.salt, login.cost)


def _hash(password: str, salt: bytes, cost: str) -> Hash:
    # Whoever asks in masses must not get all processors and 32 MB each.
    if not _room.acquire(blocking=False):
        raise common.ThrottlingException("Too many passwords are being checked. Try again in a moment.")
    try:
        return Hash(salt, cost, hashed(password, salt, cost_of(cost)))
    finally:
        _room.release()


def is_password_of(keys: Sealer, login: Login, given: Hash) -> bool:
    """False also when the login was made anew since the hash was computed."""
    return login.salt == given.salt and _is_same(keys, login, login.sealed_hash, given)


def _is_same(keys: Sealer, login: Login, sealed: bytes, given: Hash) -> bool:
    return hmac.compare_digest(keys.unseal(_purpose(login.user_id), sealed), given.digest)


def why_not(tx: Transaction, keys: Sealer, scope: Scope, user: Identity, new: Hash, password: str) -> str:
    """What the account's policy has against this password for this user; empty when nothing."""
    policy = logins.policy(tx, scope)
    names = (user.name, scope.account, aliases.find(tx, scope) or scope.account)
    wrong = violation(password, policy, names)
    login = logins.find(tx, scope, user.identity_id)
    if wrong or login is None or policy is None or not policy.reuse_prevention:
        return wrong
    used = [login.sealed_hash, *logins.former(tx, scope, user.identity_id, policy.reuse_prevention - 1)]
    if any(_is_same(keys, login, sealed, new) for sealed in used):
        return f"Password should not be one of the last {policy.reuse_prevention}."
    return ""


def login_of(keys: Sealer, user: Identity, new: Hash, *, must_change: bool, now_ms: int) -> Login:
    return Login(
        user_id=user.identity_id,
        salt=new.salt,
        cost=new.cost,
        sealed_hash=keys.seal(_purpose(user.identity_id), new.digest),
        must_change=must_change,
        created_ms=now_ms,
        changed_ms=now_ms,
    )


def put(
    tx: Transaction, keys: Sealer, scope: Scope, login: Login, new: Hash, *, must_change: bool, now_ms: int
) -> None:
    """A new password in place of the one before."""
    changed = msgspec.structs.replace(
        login,
        sealed_hash=keys.seal(_purpose(login.user_id), new.digest),
        must_change=must_change,
        changed_ms=now_ms,
    )
    logins.replace(tx, scope, login, changed)
    logins.prune(tx, scope, login.user_id, REMEMBERED)


def _purpose(user_id: str) -> str:
    """A sealed hash opens for its own user only: rows cannot be exchanged."""
    return f"identity/password/{user_id}"
