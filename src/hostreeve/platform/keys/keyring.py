"""Envelope encryption: each record under a data key of its own, the data key under the master key."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hostreeve.kernel.world import World
from hostreeve.platform.keys import passphrase as passphrases

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
VERSION = b"\x01"

_PASSPHRASE_BYTES_MAX = 4096
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


def load_or_create_master_key(path: Path, world: World, passphrase: bytes = b"") -> bytes:
    """The 32 bytes that the file holds, made on first use (mode 0600, on disk before we return).

    With a passphrase the file holds them under it; a file that was made without one is put under it now.
    ValueError when the passphrase is missing or wrong, when the file has another size, or when others than
    its owner may read or write it.
    """
    try:
        content = read_private(path, passphrases.WRAPPED_BYTES)
    except FileNotFoundError:
        if path.is_symlink():
            raise ValueError(f"{path} is a link to a file that is not there.") from None
        _create(path, world, passphrase)
        return load_or_create_master_key(path, world, passphrase)
    if passphrases.is_wrapped(content):
        if not passphrase:
            raise ValueError(f"{path} is under a passphrase. Start with --master-key-passphrase-file.")
        try:
            return passphrases.unwrapped(content, passphrase)
        except ValueError as wrong:
            raise ValueError(f"{path}: {wrong}") from None
    if len(content) != KEY_BYTES:
        raise ValueError(f"{path} does not hold a master key of {KEY_BYTES} bytes. Restore it from a backup.")
    if passphrase:
        draft = _draft(path, world, passphrases.wrapped(content, passphrase, world))
        draft.replace(path)
        _sync_folder(path)
    return content


def read_passphrase(path: Path) -> bytes:
    """The file's text without the end of its line. ValueError when it is empty or others may read it."""
    passphrase = read_private(path, _PASSPHRASE_BYTES_MAX).rstrip(b"\r\n")
    if not passphrase:
        raise ValueError(f"{path} holds no passphrase")
    return passphrase


def read_private(path: Path, most_bytes: int) -> bytes:
    """What the file holds, up to one byte more than that. ValueError when it is not its owner's alone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        content = file.read(most_bytes + 1)
    if mode & 0o077:
        raise ValueError(f"{path} has mode {mode:04o}: others may read it. Run chmod 600 on it.")
    return content


def _create(path: Path, world: World, passphrase: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = world.token(KEY_BYTES)
    draft = _draft(path, world, passphrases.wrapped(key, passphrase, world) if passphrase else key)
    try:
        # A link fails where a rename would overwrite: two servers starting at once both use the first key.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync_folder(path)


def _draft(path: Path, world: World, content: bytes) -> Path:
    """The content in a file beside, on disk."""
    draft = path.with_name(f"{path.name}.{world.hex(16)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _bound_to(part: str, purpose: str) -> bytes:
    return f"hostreeve/1/{part}/{purpose}".encode()
