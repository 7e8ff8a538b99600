"""Unique ids and secrets, in the shapes that AWS gives them."""

import base64
import binascii

from hostreeve.kernel.world import World

USER_KEY, SESSION_KEY = "AKIA", "ASIA"
USER_ID, GROUP_ID, ROLE_ID, POLICY_ID, PROFILE_ID = "AIDA", "AGPA", "AROA", "ANPA", "AIPA"
_ID_CHARS = 20
_PREFIXES = (USER_KEY, SESSION_KEY, USER_ID, GROUP_ID, ROLE_ID, POLICY_ID, PROFILE_ID)
_SECRET_BYTES = 30
_NEW_FORM = 1 << 47


def new_id(world: World, prefix: str, account: str) -> str:
    """20 characters as AWS makes them: the account's number can be read from them (`account_of`)."""
    chance = world.token(5)
    number = _NEW_FORM | int(account) << 7 | chance[0] & 0x7F
    return prefix + base64.b32encode(number.to_bytes(6, "big") + chance[1:]).decode()


def account_of(unique_id: str) -> str | None:
    """The account in an id that `new_id` made, or None."""
    if len(unique_id) != _ID_CHARS or not unique_id.startswith(_PREFIXES):
        return None
    try:
        number = int.from_bytes(base64.b32decode(unique_id[4:])[:6], "big")
    except (binascii.Error, ValueError):
        return None
    account = (number ^ _NEW_FORM) >> 7
    return f"{account:012d}" if number & _NEW_FORM and account < 10**12 else None


def new_secret(world: World) -> str:
    return base64.b64encode(world.token(_SECRET_BYTES)).decode()
