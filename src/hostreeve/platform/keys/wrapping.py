"""What a master key can lie under: a passphrase, a key in a hardware module, a key of another KMS."""

from collections.abc import Mapping
from typing import Protocol

PASSPHRASE_MARK = b"hostreeve-master-key-scrypt-1\n"
PKCS11_MARK = b"hostreeve-master-key-pkcs11-1\n"
KMS_MARK = b"hostreeve-master-key-kms-1\n"

FLAGS: Mapping[bytes, tuple[str, str]] = {
    PASSPHRASE_MARK: ("a passphrase", "--master-key-passphrase-file"),
    PKCS11_MARK: ("a key in a PKCS #11 token", "--master-key-pkcs11"),
    KMS_MARK: ("a key of another KMS", "--master-key-kms-file"),
}
"""By the first bytes of the file: what that is, and the flag of `serve` that opens it."""


class Wrapping(Protocol):
    """Puts a master key under something, and takes it out again."""

    @property
    def mark(self) -> bytes:
        """One of FLAGS: the first bytes of the file."""

    def wrap(self, master_key: bytes) -> bytes:
        """What to keep behind the mark. ValueError says why it cannot be had."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """The master key. ValueError when this does not open it, or cannot be reached."""


def mark_of(content: bytes) -> bytes:
    """The mark that a file begins with; empty for a key that lies under nothing."""
    return next((mark for mark in FLAGS if content.startswith(mark)), b"")
