"""Envelope encryption: each record under a data key of its own, the data key under the master key."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hostreeve.kernel.world import World

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
VERSION = b"\x01"

_WRAPPED_BYTES = KEY_BYTES + TAG_BYTES
_SHORTEST_BYTES = len(VERSION) + NONCE_BYTES + _WRAPPED_BYTES + NONCE_BYTES + TAG_BYTES


class Keyring:
    """Seals and unseals small secrets. `purpose` says what a secret is for; sealed bytes open for no other.

    Sealed bytes: version (1), nonce (12), data key under the master key (48), nonce (12), ciphertext and tag.
    """

    def __init__(self, master_key: bytes, world: World) -> None:
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes, not {len(master_key)}")
        self._master = AESGCM(master_key)
        self._world = world

    def seal(self, purpose: str, plaintext: bytes) -> bytes:
        """Ciphertext that only `unseal` with the same purpose opens; different each time."""
        data_key = self._world.token(KEY_BYTES)
        wrap_nonce, nonce = self._world.token(NONCE_BYTES), self._world.token(NONCE_BYTES)
        wrapped = self._master.encrypt(wrap_nonce, data_key, _bound_to("key", purpose))
        return (
            VERSION
            + wrap_nonce
            + wrapped
            + nonce
            + AESGCM(data_key).encrypt(nonce, plaintext, _bound_to("record", purpose))
        )

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """The plaintext. ValueError when tampered with, or sealed for another purpose or with another key."""
        if len(sealed) < _SHORTEST_BYTES or sealed[:1] != VERSION:
            raise ValueError("these are no bytes that this server sealed")
        wrapped_at = len(VERSION) + NONCE_BYTES
        nonce_at = wrapped_at + _WRAPPED_BYTES
        record_at = nonce_at + NONCE_BYTES
        try:
            data_key = self._master.decrypt(
                sealed[len(VERSION) : wrapped_at], sealed[wrapped_at:nonce_at], _bound_to("key", purpose)
            )
            return AESGCM(data_key).decrypt(
                sealed[nonce_at:record_at], sealed[record_at:], _bound_to("record", purpose)
            )
        except InvalidTag:
            raise ValueError(
                "tampered with, or sealed for another purpose or under another master key"
            ) from None


def _bound_to(part: str, purpose: str) -> bytes:
    return f"hostreeve/1/{part}/{purpose}".encode()
