"""When keys and roles were last used: noted in memory with each request, written now and then by the
worker."""

from collections.abc import Mapping
from typing import NamedTuple

from hostreeve.api.call import Principal
from hostreeve.kernel.scope import GLOBAL, Scope, asked_region
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import ROLE_ID, USER_KEY, account_of
from hostreeve.platform.identity.store import access_keys, role_uses

NOTED_MAX = 100_000


class Use(NamedTuple):
    """The last use of one key or role."""

    used_ms: int
    service: str
    region: str


_noted: dict[str, Use] = {}


def note(principal: Principal, action: str, *, region: str, now_ms: int) -> None:
    """Remember, to the second, that a user's key or a role was used; sessions' keys have no row for it."""
    used = principal.id.partition(":")[0] if principal.role_arn else principal.access_key_id
    known = _noted.get(used)
    used_ms = now_ms - now_ms % 1000
    if known is None:
        if not used.startswith((USER_KEY, ROLE_ID)) or len(_noted) >= NOTED_MAX:
            return
    elif known.used_ms >= used_ms:
        return
    _noted[used] = Use(used_ms, action.partition(":")[0], asked_region(region))


def taken() -> dict[str, Use]:
    """What was noted since the last time."""
    global _noted
    noted, _noted = _noted, {}
    return noted


def write(tx: Transaction, uses: Mapping[str, Use]) -> None:
    for used, use in sorted(uses.items()):
        scope = Scope(account_of(used) or "", GLOBAL)
        if used.startswith(ROLE_ID):
            role_uses.record(tx, scope, used, used_ms=use.used_ms, used_region=use.region)
        else:
            access_keys.record_use(
                tx, scope, used, service=use.service, region=use.region, used_ms=use.used_ms
            )
