"""Signatures: whether a request was signed by the key it names, a moment ago, exactly as it arrived."""

import hashlib
import hmac
import re
from base64 import b64decode
from binascii import Error as NotBase64
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import load_der_public_key

from hostreeve.contract import sigv4
from hostreeve.gateway import signature_chunks, signature_v2
from hostreeve.gateway.http import HttpRequest, bucket_of_host
from hostreeve.gateway.signature_claims import Claim, Grant, read, seconds_of
from hostreeve.gateway.signature_refusals import MISMATCH, SKEWED, error, in_words_of, refusal

SKEW_S = 900
"""How far a signature's date may lie from the server's clock, either way."""

MACHINE_KEY_SALT_BYTES = 32

# Clients add these after they have chosen what to sign: the date and the payload's hash are part of what is
# signed anyway, and a session token is proven by being that of the key.
_MAY_BE_UNSIGNED = frozenset(
    ("x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent")
)
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}").fullmatch


def verify(claim: Claim, http: HttpRequest, secret: str, now_ms: int, *, service: str) -> None:
    """Return when `secret` signed this request for `service` (a signing name); else raise the family's error.

    A body in chunks, signed or checksummed (S3's `aws-chunked`), is verified chunk by chunk: `http.body`
    becomes what they contain, and the trailers join `http.headers`.
    """
    if claim.expires_at_s is not None and service == "s3":
        signature_v2.verify(claim, http, secret, now_ms, bucket_in_host=bucket_of_host(http))
        return
    _within_scope(claim, service)
    _within_time(claim, now_ms)
    _covers_headers(claim)
    payload_hash = _payload_hash(claim, http)
    grant = claim.grant
    signer = _signer(secret, grant.day, grant.region, grant.service).copy()
    signer.update(_text_to_sign(claim, http, payload_hash))
    expected = signer.finalize().hex()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode("utf-8", "replace")):
        raise refusal(MISMATCH, claim.family)
    if grant.service == "s3":
        _check_s3_body(claim, http, payload_hash, secret)


@lru_cache(maxsize=4096)
def _signer(secret: str, day: str, region: str, service: str) -> HMAC:
    """To be copied: the key is worked in once, not with each request."""
    return HMAC(sigv4.signing_key(secret, day, region, service), hashes.SHA256())


def verify_machine_key(claim: Claim, http: HttpRequest, public_key_der: bytes, now_ms: int) -> None:
    """Return when a managed node's registered key signed this request; else raise the family's error.

    It is RSASSA-PSS over the ordinary string to sign, in base64, under the ordinary label.

    `public_key_der` is a DER SubjectPublicKeyInfo; ValueError when it is not an RSA one.
    """
    _within_scope(claim, claim.service)
    _within_time(claim, now_ms)
    _covers_headers(claim)
    text = _text_to_sign(claim, http, hashlib.sha256(http.body).hexdigest())
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), MACHINE_KEY_SALT_BYTES)
    try:
        signed = b64decode(claim.signature.encode("utf-8", "replace"), validate=True)
        _public_key(public_key_der).verify(signed, text, scheme, hashes.SHA256())
    except (InvalidSignature, NotBase64):
        raise refusal(MISMATCH, claim.family) from None


@lru_cache(maxsize=1024)
def _public_key(der: bytes) -> rsa.RSAPublicKey:
    key = load_der_public_key(der)
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("a machine key is an RSA key")
    return key


def _text_to_sign(claim: Claim, http: HttpRequest, payload_hash: str) -> bytes:
    grant = claim.grant
    headers = claim.headers
    try:
        lines = "".join([f"{name}:{headers[name]}\n" for name in grant.signed_headers])
    except KeyError:
        raise refusal(MISMATCH, claim.family) from None
    if "  " in lines or "\t" in lines:
        lines = "".join([f"{name}:{sigv4.trimmed(headers[name])}\n" for name in grant.signed_headers])
    query = http.query
    if query:
        query = sigv4.canonical_query(query, without="X-Amz-Signature" if claim.presigned else "")
    target = (http.method, sigv4.canonical_path(http.path, grant.service), query)
    canonical = sigv4.canonical_request(target, lines, grant.signed_list, payload_hash)
    return sigv4.string_to_sign(claim.date, grant.scope, canonical)


def _within_scope(claim: Claim, service: str) -> None:
    grant = claim.grant
    if grant.service == service and grant.terminator == sigv4.TERMINATOR and claim.date[:8] == grant.day:
        return
    wrong = _s3_scope_faults(claim, service) if claim.family == "s3" else _scope_faults(claim, service)
    if claim.family == "s3":
        code = "AuthorizationQueryParametersError" if claim.presigned else "AuthorizationHeaderMalformed"
        raise error(code, 400, wrong)
    raise refusal(MISMATCH, claim.family, wrong)


def _scope_faults(claim: Claim, service: str) -> str:
    grant: Grant = claim.grant
    faults = ""
    if grant.service != service:
        faults += f"Credential should be scoped to correct service: '{service}'. "
    if grant.terminator != sigv4.TERMINATOR:
        faults += (
            "Credential should be scoped with a valid terminator: "
            f"'{sigv4.TERMINATOR}', not '{grant.terminator}'. "
        )
    if grant.day != claim.date[:8]:
        faults += (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{grant.day}' != '{claim.date[:8]}', from '{claim.date}'."
        )
    return faults


def _s3_scope_faults(claim: Claim, service: str) -> str:
    grant = claim.grant
    if grant.service != service:
        fault = f'incorrect service "{grant.service}". This endpoint belongs to "{service}".'
    elif grant.terminator != sigv4.TERMINATOR:
        fault = f'incorrect terminal "{grant.terminator}". This endpoint uses "{sigv4.TERMINATOR}".'
    else:
        day = claim.date[:8]
        fault = f'Invalid credential date "{grant.day}". This date is not the same as X-Amz-Date: "{day}".'
    return fault if claim.presigned else "The authorization header is malformed; " + fault


def _within_time(claim: Claim, now_ms: int) -> None:
    signed_s, now_s = seconds_of(claim.date), now_ms // 1000
    lifetime_s = SKEW_S if claim.expires_s is None else claim.expires_s
    if signed_s - SKEW_S <= now_s <= signed_s + lifetime_s:
        return
    family = claim.family
    if family == "ec2":
        raise refusal(SKEWED, family)
    if family == "s3":
        if not claim.presigned:
            raise refusal(SKEWED, family)
        raise error(
            "AccessDenied", 403, "Request has expired" if now_s > signed_s else "Request is not yet valid"
        )
    now = sigv4.amz_date(now_ms)
    if now_s > signed_s:
        earliest = sigv4.amz_date((now_s - lifetime_s) * 1000)
        span = f"{lifetime_s // 60} min." if lifetime_s % 60 == 0 else f"{lifetime_s} s."
        raise refusal(
            SKEWED, family, f"Signature expired: {claim.date} is now earlier than {earliest} ({now} - {span})"
        )
    latest = sigv4.amz_date((now_s + SKEW_S) * 1000)
    raise refusal(
        SKEWED,
        family,
        f"Signature not yet current: {claim.date} is still later than {latest} ({now} + 15 min.)",
    )


def _covers_headers(claim: Claim) -> None:
    signed = claim.grant.signed
    if "host" not in signed:
        raise _unsigned(claim, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    for name in claim.headers:
        if name.startswith("x-amz-") and name not in signed and name not in _MAY_BE_UNSIGNED:
            raise _unsigned(claim, f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _unsigned(claim: Claim, message: str) -> Exception:
    if claim.family == "s3":
        return error("AccessDenied", 403, "There were headers present in the request which were not signed")
    return refusal(MISMATCH, claim.family, message)


def _payload_hash(claim: Claim, http: HttpRequest) -> str:
    if claim.grant.service != "s3":
        return hashlib.sha256(http.body).hexdigest()
    stated = claim.headers.get("x-amz-content-sha256")
    if stated is None:
        if claim.presigned:
            return sigv4.UNSIGNED_PAYLOAD
        raise error("InvalidRequest", 400, "Missing required header for this request: x-amz-content-sha256")
    if stated == sigv4.UNSIGNED_PAYLOAD or stated in signature_chunks.KINDS or _HEX_SHA256(stated):
        return stated
    raise error(
        "InvalidArgument",
        400,
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
        "or a valid sha256 value.",
    )


def _check_s3_body(claim: Claim, http: HttpRequest, payload_hash: str, secret: str) -> None:
    if payload_hash == sigv4.UNSIGNED_PAYLOAD:
        return
    if payload_hash not in signature_chunks.KINDS:
        if hashlib.sha256(http.body).hexdigest() != payload_hash:
            raise error(
                "XAmzContentSHA256Mismatch",
                400,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        return
    # A unit of work may be run again, so the body as it was sent is kept with the claim.
    if claim.wire_body is None:
        claim.wire_body = http.body
    grant = claim.grant
    key = sigv4.signing_key(secret, grant.day, grant.region, grant.service)
    seal = signature_chunks.Seal(key, claim.date, grant.scope, claim.signature)
    opened = signature_chunks.open_body(claim.wire_body, claim.headers, payload_hash, seal)
    http.body, http.headers = opened.body, opened.headers(http.headers)


__all__ = ["Claim", "in_words_of", "read", "verify", "verify_machine_key"]
