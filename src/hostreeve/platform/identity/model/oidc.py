"""OpenID Connect providers, and the tokens that they sign (RFC 7519, as ID tokens are used)."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Struct

from hostreeve.kernel.scope import GLOBAL, Scope

URL_CHARS_MAX = 255
CLOCK_SKEW_S = 60
TAGS_CLAIM = "https://aws.amazon.com/tags"
SOURCE_IDENTITY_CLAIM = "https://aws.amazon.com/source_identity"

_TOKEN_CHARS_MAX = 20_000
_RSA_BITS_MIN = 2048
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: Mapping[str, tuple[str, ec.EllipticCurve]] = {
    "ES256": ("P-256", ec.SECP256R1()),
    "ES384": ("P-384", ec.SECP384R1()),
    "ES512": ("P-521", ec.SECP521R1()),
}
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", *_CURVES})
"""Those of AWS. None of them is symmetric, so that no public key can be taken for a secret."""


class OidcProvider(Struct, frozen=True, kw_only=True):
    """An issuer whose tokens an account accepts. `url` is without `https://`; `thumbprints` are the SHA-1 of
    certificates that are trusted for it beside the authorities."""

    account: str
    url: str
    client_ids: list[str]
    thumbprints: list[str]
    created_ms: int
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return provider_arn(self.account, self.url)


class Token(NamedTuple):
    """A token that was read, and not verified."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        """Without `https://`, as providers are named; empty when it is no such address."""
        text = self.claims.get("iss")
        return text.removeprefix("https://") if isinstance(text, str) and text.startswith("https://") else ""


def provider_arn(account: str, url: str) -> str:
    return Scope(account, GLOBAL).arn("iam", f"oidc-provider/{url}")


def provider_url(text: str) -> str:
    """The issuer's address without `https://`. ValueError says what is wrong with it."""
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("Invalid Open ID Connect Provider URL: it begins with https:// and a host.")
    if parts.query or parts.fragment or parts.username or "@" in parts.netloc:
        raise ValueError("Invalid Open ID Connect Provider URL: it has neither a query nor a user.")
    if len(text) > URL_CHARS_MAX:
        raise ValueError(f"Open ID Connect Provider URLs have at most {URL_CHARS_MAX} characters.")
    return text.removeprefix("https://").rstrip("/")


def read_token(text: str) -> Token:
    """ValueError when it is no token."""
    parts = text.split(".")
    if len(parts) != 3 or len(text) > _TOKEN_CHARS_MAX:
        raise ValueError("it does not have three parts")
    header, claims = (_object(part) for part in parts[:2])
    return Token(header, claims, ".".join(parts[:2]).encode(), _bytes(parts[2]))


def is_signed_by(token: Token, key: Mapping[str, Any]) -> bool:
    """Whether the key, as a JWK, made the token's signature by the algorithm that the token names."""
    algorithm = token.header.get("alg")
    if (
        algorithm not in ALGORITHMS
        or key.get("alg", algorithm) != algorithm
        or key.get("use", "sig") != "sig"
    ):
        return False
    try:
        if algorithm.startswith("RS"):
            _verify_rsa(token, key, _HASHES[algorithm[2:]])
        else:
            _verify_ec(token, key, algorithm)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def _verify_rsa(token: Token, key: Mapping[str, Any], digest: hashes.HashAlgorithm) -> None:
    if key["kty"] != "RSA":
        raise ValueError("no RSA key")
    public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
    if public.key_size < _RSA_BITS_MIN:
        raise ValueError("the key is too short")
    public.verify(token.signature, token.signed, padding.PKCS1v15(), digest)


def _verify_ec(token: Token, key: Mapping[str, Any], algorithm: str) -> None:
    name, curve = _CURVES[algorithm]
    size = (curve.key_size + 7) // 8
    if key["kty"] != "EC" or key["crv"] != name or len(token.signature) != 2 * size:
        raise ValueError("no key of this curve")
    r, s = (int.from_bytes(half) for half in (token.signature[:size], token.signature[size:]))
    public = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve).public_key()
    public.verify(encode_dss_signature(r, s), token.signed, ec.ECDSA(_HASHES[algorithm[2:]]))


def values_of(claims: Mapping[str, Any]) -> dict[str, list[str]]:
    """The claims that can be compared with: texts, numbers, truth values, and lists of texts."""
    found: dict[str, list[str]] = {}
    for name, value in claims.items():
        if isinstance(value, bool):
            found[name] = [str(value).lower()]
        elif isinstance(value, str | int | float):
            found[name] = [str(value)]
        elif isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            found[name] = value
    return found


def _object(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        raise ValueError("a part of it is not base64 of JSON") from None
    if not isinstance(found, dict):
        raise ValueError("a part of it is no object")
    return found


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as trouble:
        raise ValueError(str(trouble)) from None


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text))
