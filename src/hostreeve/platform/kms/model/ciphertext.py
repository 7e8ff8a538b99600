"""What a ciphertext of a symmetric key looks like, and the text that an encryption context is bound by.

version (1), account (6), key id (16), number of the material (4), salt (16), nonce (12), ciphertext and tag.
All before the ciphertext is authenticated with it, as are the Region and the context.
"""

import uuid
from collections.abc import Mapping
from typing import NamedTuple

VERSION = b"\x01"
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
_ACCOUNT_END = 7
_KEY_END = _ACCOUNT_END + 16
_NUMBER_END = _KEY_END + 4
_SALT_END = _NUMBER_END + SALT_BYTES
_HEAD_BYTES = _SALT_END + NONCE_BYTES


class Ciphertext(NamedTuple):
    """One, taken apart."""

    account: str
    key_id: str
    number: int
    head: bytes
    body: bytes

    @property
    def salt(self) -> bytes:
        return self.head[_NUMBER_END:_SALT_END]

    @property
    def nonce(self) -> bytes:
        return self.head[_SALT_END:]


def head(account: str, key_id: str, number: int, chance: bytes) -> bytes:
    """What stands before the ciphertext. `chance` is salt and nonce: 28 unpredictable bytes."""
    return (
        VERSION
        + int(account).to_bytes(6, "big")
        + uuid.UUID(key_id).bytes
        + number.to_bytes(4, "big")
        + chance
    )


def read(blob: bytes) -> Ciphertext | None:
    """None when it cannot be one."""
    if len(blob) < _HEAD_BYTES + TAG_BYTES or blob[:1] != VERSION:
        return None
    key = blob[_ACCOUNT_END:_KEY_END].hex()
    return Ciphertext(
        account=f"{int.from_bytes(blob[1:_ACCOUNT_END], 'big'):012d}",
        key_id=f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}",
        number=int.from_bytes(blob[_KEY_END:_NUMBER_END], "big"),
        head=blob[:_HEAD_BYTES],
        body=blob[_HEAD_BYTES:],
    )


def bound(region: str, context: Mapping[str, str]) -> bytes:
    """The same bytes for the same pairs in any order, and for no others: every text has its length before
    it."""
    texts = [region, *(text for pair in sorted(context.items()) for text in pair)]
    encoded = [text.encode() for text in texts]
    return b"".join(len(each).to_bytes(4, "big") + each for each in encoded)
