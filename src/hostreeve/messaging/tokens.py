"""Tokens that open a channel: made when it is created, shown in its first frame, good on every replica."""

import base64
import binascii

import msgspec

from hostreeve.api.call import Sealer
from hostreeve.kernel.scope import Scope
from hostreeve.messaging.model import TOKEN_MS

_PURPOSE = "ssmmessages/control-channel"


class _Claim(msgspec.Struct, array_like=True, frozen=True):
    account: str
    region: str
    node_id: str
    expires_ms: int


def control_channel_token(keys: Sealer, scope: Scope, node_id: str, now_ms: int) -> str:
    """A token with which this node may open its control channel during the next minutes."""
    claim = _Claim(scope.account, scope.region, node_id, now_ms + TOKEN_MS)
    return base64.urlsafe_b64encode(keys.seal(_PURPOSE, msgspec.json.encode(claim))).decode("ascii")


def scope_of(keys: Sealer, token: str, node_id: str, now_ms: int) -> Scope:
    """The scope the token was made for. ValueError when it is not this node's, out of date or forged."""
    try:
        sealed = base64.urlsafe_b64decode(token.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("the token is garbled") from None
    claim = msgspec.json.decode(keys.unseal(_PURPOSE, sealed), type=_Claim)
    if claim.node_id != node_id:
        raise ValueError("the token was made for another node")
    # A clock that was set back must not give a token a second life, nor refuse a fresh one.
    if not claim.expires_ms - 2 * TOKEN_MS < now_ms < claim.expires_ms:
        raise ValueError("the token is out of date")
    return Scope(claim.account, claim.region)
