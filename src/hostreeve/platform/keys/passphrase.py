"""A master key under a passphrase: what lies in the file opens only for who knows it."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hostreeve.kernel.world import World

MARK = b"hostreeve-master-key-scrypt-1\n"
SALT_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES = 16, 12, 16, 32
WRAPPED_BYTES = len(MARK) + SALT_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES
COST, BLOCK, LANES = 1 << 17, 8, 1
"""128 MB and about half a second for each guess."""


def is_wrapped(content: bytes) -> bool:
    return content.startswith(MARK)


def wrapped(master_key: bytes, passphrase: bytes, world: World) -> bytes:
    """Mark, salt (16), nonce (12), the key under the passphrase (48)."""
    salt, nonce = world.token(SALT_BYTES), world.token(NONCE_BYTES)
    return MARK + salt + nonce + _cipher(passphrase, salt).encrypt(nonce, master_key, MARK)


def unwrapped(content: bytes, passphrase: bytes) -> bytes:
    """The master key. ValueError when the passphrase is another one or the bytes were changed."""
    salt_end = len(MARK) + SALT_BYTES
    salt, nonce = content[len(MARK) : salt_end], content[salt_end : salt_end + NONCE_BYTES]
    if len(content) == WRAPPED_BYTES:
        try:
            return _cipher(passphrase, salt).decrypt(nonce, content[salt_end + NONCE_BYTES :], MARK)
        except InvalidTag:
            pass
    raise ValueError("the passphrase does not open the master key")


def _cipher(passphrase: bytes, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt, KEY_BYTES, COST, BLOCK, LANES).derive(passphrase))
