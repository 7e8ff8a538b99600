"""Passwords: what an account's policy asks of them, and how they are hashed."""

import re
import string
from typing import NamedTuple

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
SALT_BYTES = 16
DAY_MS = 86_400_000

_HASH_BYTES = 32
_DEFAULT_KINDS = 3
"""Without a policy of the account's own, AWS asks for three of the four kinds of characters."""


class Cost(NamedTuple):
    """scrypt's parameters; `memory` is a power of two."""

    memory: int
    block: int
    rounds: int

    def __str__(self) -> str:
        return f"scrypt:{self.memory}:{self.block}:{self.rounds}"


COST = Cost(15, 8, 1)
"""32 MB for about a tenth of a second. OWASP asks for three times that of hashes that lie open; ours are
sealed under the master key, which is not in the database, so that a copy of it alone cannot be guessed at."""


class PasswordPolicy(Struct, frozen=True, kw_only=True):
    """An account's own policy; the defaults are what AWS fills in when a request leaves them out.
    `max_age_days` and `reuse_prevention` are 0 for none."""

    minimum_length: int = 6
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False
    users_may_change: bool = False
    max_age_days: int = 0
    reuse_prevention: int = 0
    hard_expiry: bool = False


class Login(Struct, frozen=True, kw_only=True):
    """A user's password as it is stored: the hash is sealed."""

    user_id: str
    salt: bytes
    cost: str
    sealed_hash: bytes
    must_change: bool
    created_ms: int
    changed_ms: int


def cost_of(text: str) -> Cost:
    match = re.fullmatch(r"scrypt:(\d+):(\d+):(\d+)", text)
    assert match is not None, f"{text} is no cost that a hash was stored with"
    return Cost(*map(int, match.groups()))


def hashed(password: str, salt: bytes, cost: Cost = COST) -> bytes:
    """Slow on purpose: never call it inside a transaction or on the event loop."""
    derive = Scrypt(salt=salt, length=_HASH_BYTES, n=1 << cost.memory, r=cost.block, p=cost.rounds)
    return derive.derive(password.encode())


def violation(password: str, policy: PasswordPolicy | None, names: tuple[str, ...]) -> str:
    """What is wrong with a password, in words; empty when nothing is. `names` are what it may not be."""
    kinds = {
        "uppercase letter": any(each in string.ascii_uppercase for each in password),
        "lowercase letter": any(each in string.ascii_lowercase for each in password),
        "number": any(each in string.digits for each in password),
        "symbol": any(each in SYMBOLS for each in password),
    }
    if policy is None:
        if len(password) < 8:
            return "Password should have a minimum length of 8."
        if sum(kinds.values()) < _DEFAULT_KINDS:
            return (
                "Password should have at least three of: uppercase letters, lowercase letters, numbers, "
                f"symbols ({SYMBOLS})."
            )
        same = password.lower() in {name.lower() for name in names}
        return "Password should not be the account's or the user's name." if same else ""
    wanted = {
        "uppercase letter": policy.uppercase,
        "lowercase letter": policy.lowercase,
        "number": policy.numbers,
        "symbol": policy.symbols,
    }
    if len(password) < policy.minimum_length:
        return f"Password should have a minimum length of {policy.minimum_length}."
    missing = [kind for kind, is_wanted in wanted.items() if is_wanted and not kinds[kind]]
    return f"Password should have at least one {missing[0]}." if missing else ""


def is_expired(login: Login, policy: PasswordPolicy | None, now_ms: int) -> bool:
    age_ms = policy.max_age_days * DAY_MS if policy else 0
    return bool(age_ms) and now_ms >= login.changed_ms + age_ms
