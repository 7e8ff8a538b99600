"""A master key under a passphrase: what lies in the file opens only for who knows it."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hostreeve.kernel.world import World
from hostreeve.platform.keys.wrapping import PASSPHRASE_MARK

SALT_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES = 16, 12, 16, 32
WRAPPED_BYTES = SALT_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES
COST, BLOCK, LANES = 1 << 17, 8, 1
"""128 MB and about half a second for each guess."""


class Passphrase:
    """Salt (16), nonce (12), the master key under what scrypt makes of the passphrase (48)."""

    mark = PASSPHRASE_MARK

    def __init__(self, passphrase: bytes, world: World) -> None:
        self._passphrase = passphrase
        self._world = world

    def wrap(self, master_key: bytes) -> bytes:
        salt, nonce = self._world.token(SALT_BYTES), self._world.token(NONCE_BYTES)
        return salt + nonce + self._cipher(salt).encrypt(nonce, master_key, self.mark)

    def unwrap(self, wrapped: bytes) -> bytes:
        salt, nonce = wrapped[:SALT_BYTES], wrapped[SALT_BYTES : SALT_BYTES + NONCE_BYTES]
        if len(wrapped) == WRAPPED_BYTES:
            try:
                return self._cipher(salt).decrypt(nonce, wrapped[SALT_BYTES + NONCE_BYTES :], self.mark)
            except InvalidTag:
                pass
        raise ValueError("the passphrase does not open the master key")

    def _cipher(self, salt: bytes) -> AESGCM:
        return AESGCM(Scrypt(salt, KEY_BYTES, COST, BLOCK, LANES).derive(self._passphrase))
