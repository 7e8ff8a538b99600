"""Encrypting and decrypting with a key that was found and allowed."""

import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.kernel.scope import Scope
from hostreeve.platform.kms.actions import material as secrets_of
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.actions.finding import Found, allowed, usable
from hostreeve.platform.kms.model import ciphertext
from hostreeve.platform.kms.model.ciphertext import Ciphertext
from hostreeve.platform.kms.model.key import CONTEXT_BYTES_MAX, Key
from hostreeve.platform.kms.model.refusals import DENIED, error, invalid
from hostreeve.platform.kms.model.specs import ENCRYPT, SYMMETRIC
from hostreeve.platform.kms.store import keys as key_rows
from hostreeve.platform.kms.store.keys import Stored

Context = Mapping[str, str]

_LABEL = b"hostreeve/kms/1/"
_OAEP: dict[str, type[hashes.SHA1] | type[hashes.SHA256]] = {
    "RSAES_OAEP_SHA_1": hashes.SHA1,
    "RSAES_OAEP_SHA_256": hashes.SHA256,
}


def check_context(context: Context) -> None:
    """ValidationException when an encryption context is larger than AWS takes."""
    size = sum(len(key.encode()) + len(value.encode()) + 6 for key, value in context.items()) + 2
    if size > CONTEXT_BYTES_MAX:
        raise invalid(f"The encryption context is longer than {CONTEXT_BYTES_MAX} bytes.")


def check_algorithm(key: Key, algorithm: str, *, operation: str, context: Context) -> None:
    """InvalidKeyUsageException when the key is not for that."""
    if key.usage != ENCRYPT:
        raise error.InvalidKeyUsageException(
            f"{key.arn} key usage is {key.usage} which is not valid for {operation}."
        )
    if algorithm not in key.kind.encryption:
        raise error.InvalidKeyUsageException(
            f"Algorithm {algorithm} is incompatible with key spec {key.spec}."
        )
    if context and not key.is_symmetric:
        raise invalid(f"An encryption context cannot be bound by {algorithm}.")
    check_context(context)


def seal(call: Call, found: Found, plaintext: bytes, context: Context, algorithm: str = SYMMETRIC) -> bytes:
    """The ciphertext. It carries the key's id and the number of its secret."""
    key = found.key
    if algorithm != SYMMETRIC:
        return _seal_for_public_key(found, plaintext, algorithm)
    chance = call.world.token(ciphertext.SALT_BYTES + ciphertext.NONCE_BYTES)
    head = ciphertext.head(key.account, key.key_id, found.material.number, chance)
    salt, nonce = chance[: ciphertext.SALT_BYTES], chance[ciphertext.SALT_BYTES :]
    message_key = _message_key(secrets_of.secret(call.keys, key, found.material), salt)
    bound = head + ciphertext.bound(key.region, context)
    return head + AESGCM(message_key).encrypt(nonce, plaintext, bound)


def open_symmetric(
    call: Call, blob: bytes, context: Context, use: Use, *, key_id: str | None = None
) -> tuple[Found, bytes]:
    """Whose ciphertext it is, and what it says, if the caller may know. `key_id` is the key that the caller
    says it is of.

    InvalidCiphertextException when it was changed, or encrypted in another context or Region;
    IncorrectKeyException when it is another key's.
    """
    check_context(context)
    parts = ciphertext.read(blob)
    claimed = usable(call, key_id, use) if key_id is not None else None
    if claimed is not None:
        check_algorithm(claimed.key, SYMMETRIC, operation="Decrypt", context=context)
    if parts is None:
        raise error.InvalidCiphertextException()
    if claimed is not None and (parts.account, parts.key_id) != (claimed.key.account, claimed.key.key_id):
        raise error.IncorrectKeyException("The key that the request names did not encrypt this.")
    owner = Scope(parts.account, call.scope.region)
    stored = key_rows.find_with(call.tx, owner, parts.key_id, parts.number)
    if stored is None:
        raise error.InvalidCiphertextException() if claimed else _unknown()
    found = claimed._replace(material=stored.material) if claimed else _found(call, stored, use)
    return found, _opened(call, found, parts, context)


def _found(call: Call, stored: Stored, use: Use) -> Found:
    """Of another account, absent and forbidden keys are refused in the same words."""
    try:
        return allowed(call, stored, use)
    except AwsError as refused:
        if refused.code == DENIED and stored.key.account != call.scope.account:
            raise _unknown() from None
        raise


def _unknown() -> AwsError:
    refused: AwsError = error.AccessDeniedException(
        "The ciphertext refers to a key that does not exist, does not exist in this Region, "
        "or that you are not allowed to use."
    )
    return refused


def _opened(call: Call, found: Found, parts: Ciphertext, context: Context) -> bytes:
    if not found.key.is_symmetric:
        raise error.InvalidCiphertextException()
    message_key = _message_key(secrets_of.secret(call.keys, found.key, found.material), parts.salt)
    bound = parts.head + ciphertext.bound(found.key.region, context)
    try:
        return AESGCM(message_key).decrypt(parts.nonce, parts.body, bound)
    except InvalidTag:
        raise error.InvalidCiphertextException() from None


def open_with_private_key(call: Call, found: Found, blob: bytes, algorithm: str) -> bytes:
    """InvalidCiphertextException when it is none of this key's."""
    private = secrets_of.private_key(call.keys, found.key, found.material)
    assert isinstance(private, rsa.RSAPrivateKey)
    try:
        return private.decrypt(blob, _padding(algorithm))
    except ValueError:
        raise error.InvalidCiphertextException() from None


def _seal_for_public_key(found: Found, plaintext: bytes, algorithm: str) -> bytes:
    public = secrets_of.public_key(found.material)
    assert isinstance(public, rsa.RSAPublicKey)
    most = public.key_size // 8 - 2 * _OAEP[algorithm]().digest_size - 2
    if len(plaintext) > most:
        raise invalid(
            f"Algorithm {algorithm} and key spec {found.key.spec} cannot encrypt data larger than"
            f" {most} bytes."
        )
    return public.encrypt(plaintext, _padding(algorithm))


def _padding(algorithm: str) -> padding.OAEP:
    digest = _OAEP[algorithm]
    return padding.OAEP(padding.MGF1(digest()), digest(), None)


def _message_key(secret: bytes, salt: bytes) -> bytes:
    """A key of its own for each message: random nonces under one key would meet after some billions."""
    return hmac.digest(secret, _LABEL + salt, "sha256")
