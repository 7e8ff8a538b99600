"""How often somebody may try to sign in: per user and per address, remembered by each replica for itself."""

from hostreeve.platform.identity.store.memory import Memory

USER_BURST, USER_PAUSE_S = 10, 30.0
"""Ten attempts at once, then one in half a minute."""
ADDRESS_BURST, ADDRESS_PAUSE_S = 60, 1.0

# When the next attempt would be one too many: a time that moves on by a pause with each attempt.
_full_s: Memory[str, float] = Memory(8192)


def allow(user: str, address: str, now_s: float) -> bool:
    """Whether there is room for one more attempt; it is counted."""
    by_user = _take(f"user {user}", USER_BURST, USER_PAUSE_S, now_s)
    return _take(f"address {address}", ADDRESS_BURST, ADDRESS_PAUSE_S, now_s) and by_user


def forgive(user: str) -> None:
    """The user has signed in: what it mistyped before does not count any more."""
    _full_s.keep(f"user {user}", 0.0)


def _take(name: str, burst: int, pause_s: float, now_s: float) -> bool:
    full_s = max(_full_s.get(name) or 0.0, now_s)
    if full_s - now_s > (burst - 1) * pause_s:
        return False
    _full_s.keep(name, full_s + pause_s)
    return True
