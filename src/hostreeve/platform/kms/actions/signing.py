"""Signatures and message authentication codes."""

import hmac
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from hostreeve.api.call import Sealer
from hostreeve.platform.kms.actions import material as secrets_of
from hostreeve.platform.kms.actions.finding import Found
from hostreeve.platform.kms.model.refusals import error, invalid

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


def sign(keys: Sealer, found: Found, message: bytes, *, message_type: str, algorithm: str) -> bytes:
    """The signature; an ECDSA one is in DER."""
    digest = _digest(message, message_type, algorithm)
    private = secrets_of.private_key(keys, found.key, found.material)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(message, _padding(algorithm), digest)
    return private.sign(message, ec.ECDSA(digest))


def verify(found: Found, message: bytes, signature: bytes, *, message_type: str, algorithm: str) -> None:
    """KMSInvalidSignatureException when the signature is not this key's of this message."""
    digest = _digest(message, message_type, algorithm)
    public = secrets_of.public_key(found.material)
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, message, _padding(algorithm), digest)
        else:
            public.verify(signature, message, ec.ECDSA(digest))
    except InvalidSignature:
        raise error.KMSInvalidSignatureException() from None


def mac(keys: Sealer, found: Found, message: bytes) -> bytes:
    """The code of a message by an HMAC key, whose spec tells the hash."""
    return hmac.digest(
        secrets_of.secret(keys, found.key, found.material), message, f"sha{found.key.kind.size}"
    )


def _digest(message: bytes, message_type: str, algorithm: str) -> Any:
    if message_type not in ("RAW", "DIGEST"):
        raise invalid(f"MessageType {message_type} is not compatible with the algorithm {algorithm}.")
    algorithm_hash = _HASHES[algorithm[-3:]]()
    if message_type == "RAW":
        return algorithm_hash
    if len(message) != algorithm_hash.digest_size:
        raise invalid(f"The digest has {len(message)} bytes, which is invalid for the algorithm {algorithm}.")
    return Prehashed(algorithm_hash)


def _padding(algorithm: str) -> padding.PSS | padding.PKCS1v15:
    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(_HASHES[algorithm[-3:]]()), padding.PSS.DIGEST_LENGTH)
