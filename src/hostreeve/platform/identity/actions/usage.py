"""When access keys were last used: noted in memory with each request, written now and then by the worker."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import USER_KEY, account_of
from hostreeve.platform.identity.store import access_keys

NOTED_MAX = 100_000


class Use(NamedTuple):
    """The last use of one key."""

    used_ms: int
    service: str
    region: str


_noted: dict[str, Use] = {}


def note(access_key_id: str, action: str, context: Mapping[str, Sequence[str]]) -> None:
    """Remember that a user's key was used; sessions' keys have no row to write it to."""
    seconds = context.get("aws:epochtime")
    if not seconds or not access_key_id.startswith(USER_KEY):
        return
    known = _noted.get(access_key_id)
    used_ms = int(seconds[0]) * 1000
    if known is not None and known.used_ms >= used_ms:
        return
    if known is None and len(_noted) >= NOTED_MAX:
        return
    region = context.get("aws:requestedregion") or [""]
    _noted[access_key_id] = Use(used_ms, action.partition(":")[0], region[0])


def taken() -> dict[str, Use]:
    """What was noted since the last time."""
    global _noted
    noted, _noted = _noted, {}
    return noted


def write(tx: Transaction, uses: Mapping[str, Use]) -> None:
    for access_key_id, use in sorted(uses.items()):
        scope = Scope(account_of(access_key_id) or "", GLOBAL)
        access_keys.record_use(
            tx, scope, access_key_id, service=use.service, region=use.region, used_ms=use.used_ms
        )
