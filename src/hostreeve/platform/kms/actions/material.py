"""Secrets of keys: made, sealed, and unsealed for use. They leave this process only sealed."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from hostreeve.api.call import Sealer
from hostreeve.kernel.world import World
from hostreeve.platform.kms.model.key import Key, Material
from hostreeve.platform.kms.model.specs import Spec

KEPT_SECRETS, KEPT_PAIRS = 8192, 1024
_EXPONENT = 65537
_CURVES: dict[str, ec.EllipticCurve] = {
    curve.name: curve for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1())
}

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Made(NamedTuple):
    """A fresh secret: random bytes, or a private key (PKCS #8, DER) with its public half (DER)."""

    secret: bytes
    public_key: bytes = b""


def made(world: World, spec: Spec) -> Made:
    """An RSA pair takes up to seconds: it is made outside of any transaction."""
    if spec.form in ("aes", "hmac"):
        return Made(world.token(spec.size // 8))
    private = _rsa_key(spec.size) if spec.form == "rsa" else _ec_key(world, _CURVES[spec.curve])
    secret = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Made(secret, public)


def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    # The library takes its primes from the operating system only; a seed does not determine them.
    return rsa.generate_private_key(_EXPONENT, bits)


def _ec_key(world: World, curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    order = curve.group_order
    # Eight bytes more than needed: what the division leaves is even to within 2^-64.
    chance = int.from_bytes(world.token((order.bit_length() + 7) // 8 + 8), "big")
    return ec.derive_private_key(chance % (order - 1) + 1, curve)


def sealed(keys: Sealer, world: World, key: Key, made: Made, *, rotation_type: str, now_ms: int) -> Material:
    """The row of a secret: the one with the key's present number."""
    return Material(
        number=key.material,
        material_id=world.hex(64),
        sealed=keys.seal(_purpose(key, key.material), made.secret),
        public_key=made.public_key,
        created_ms=now_ms,
        rotation_type=rotation_type,
    )


def secret(keys: Sealer, key: Key, material: Material) -> bytes:
    """The bytes of a symmetric or HMAC key.

    What was unsealed is remembered under the sealed bytes themselves, which every use reads anew in its own
    transaction: of a key that is gone, nothing is found to ask with.
    """
    return _unsealed(keys.unseal, _purpose(key, material.number), material.sealed)


def private_key(keys: Sealer, key: Key, material: Material) -> PrivateKey:
    """The private half of an asymmetric key; remembered likewise."""
    return _loaded(keys.unseal, _purpose(key, material.number), material.sealed)


def public_key(material: Material) -> PublicKey:
    """The public half of an asymmetric key."""
    return _public(material.public_key)


def forget() -> None:
    """Drop every secret that is remembered, because a key was deleted."""
    _unsealed.cache_clear()
    _loaded.cache_clear()


@lru_cache(maxsize=KEPT_SECRETS)
def _unsealed(unseal: Callable[[str, bytes], bytes], purpose: str, sealed: bytes) -> bytes:
    return unseal(purpose, sealed)


@lru_cache(maxsize=KEPT_PAIRS)
def _loaded(unseal: Callable[[str, bytes], bytes], purpose: str, sealed: bytes) -> PrivateKey:
    # It was checked when it was made, and its seal says that it is the same.
    loaded = load_der_private_key(unseal(purpose, sealed), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return loaded


@lru_cache(maxsize=KEPT_PAIRS)
def _public(der: bytes) -> PublicKey:
    loaded = load_der_public_key(der)
    assert isinstance(loaded, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return loaded


def _purpose(key: Key, number: int) -> str:
    return f"kms/{key.account}/{key.region}/{key.key_id}/{number}"
