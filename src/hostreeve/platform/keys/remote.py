"""A master key under a key of another KMS, AWS's or another Hostreeve's, which is asked at every start."""

import binascii
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hostreeve.platform.keys.files import read_private
from hostreeve.platform.keys.wrapping import KMS_MARK

KEY_BYTES = 32
CONTEXT = {"purpose": "hostreeve-master-key"}
"""The encryption context: a key policy may ask for it (`kms:EncryptionContext:purpose`)."""
_FILE_BYTES_MAX = 16 << 10

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
"""One operation of the other KMS and its request: the answer. ValueError says why there is none."""


class Remote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings file says. `ca_bundle` is a PEM file, of the system's authorities without it."""

    endpoint: str
    region: str
    key_id: str
    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    ca_bundle: str | None = None


def read_remote(path: Path) -> Remote:
    """The settings in a TOML file of mode 0600. ValueError; it never repeats what the file says."""
    try:
        text = read_private(path, _FILE_BYTES_MAX).decode()
        return msgspec.convert(tomllib.loads(text), Remote)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise ValueError(f"{path} is no TOML file.") from None
    except msgspec.ValidationError as wrong:
        raise ValueError(f"{path}: {wrong}.") from None


class RemoteKey:
    """The other KMS's ciphertext of the master key, as it gave it."""

    mark = KMS_MARK

    def __init__(self, key_id: str, ask: Ask) -> None:
        self._key_id = key_id
        self._ask = ask

    def wrap(self, master_key: bytes) -> bytes:
        answer = self._ask("Encrypt", self._request(Plaintext=b64encode(master_key).decode()))
        return self._bytes(answer, "CiphertextBlob")

    def unwrap(self, wrapped: bytes) -> bytes:
        answer = self._ask("Decrypt", self._request(CiphertextBlob=b64encode(wrapped).decode()))
        found = self._bytes(answer, "Plaintext")
        if len(found) != KEY_BYTES:
            raise ValueError("what the other KMS decrypts it to is no master key.")
        return found

    def _request(self, **more: str) -> dict[str, Any]:
        return {"KeyId": self._key_id, "EncryptionContext": CONTEXT, **more}

    @staticmethod
    def _bytes(answer: dict[str, Any], member: str) -> bytes:
        try:
            return b64decode(answer[member], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise ValueError(f"the other KMS answers without {member}.") from None
