"""Signature Version 4, the arithmetic that signers and the verifier share (standard library, Python 3.6).

Paths and query strings are those of the request line, percent-encoded as sent; bytes above 127 that a server
received raw are given as Latin-1 text.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
NEVER_SIGNED = frozenset(("authorization", "connection", "expect", "transfer-encoding", "user-agent"))
"""Headers that a proxy or the HTTP library may change after signing."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?").fullmatch
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9]+\Z").match
_UNRESERVED = "-_.~"


class Credentials(NamedTuple):
    """An access key; `session_token` comes with temporary ones."""

    access_key_id: str
    secret_access_key: str
    session_token: Optional[str] = None


class Outgoing(NamedTuple):
    """A request about to be signed. `headers` must hold `Host` exactly as it will be sent (port included).

    `body_sha256` (hexadecimal, or `UNSIGNED-PAYLOAD` for S3) stands in for a body that is not at hand.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    body_sha256: Optional[str] = None

    def payload_hash(self) -> str:
        return self.body_sha256 or hashlib.sha256(self.body).hexdigest()


class KeyHolder(NamedTuple):
    """Who signs with a machine key: the managed node's id, and the scope it signs for."""

    node_id: str
    region: str
    service: str = "ssm"


class Unsigned(NamedTuple):
    """What a machine key has yet to sign: RSASSA-PSS, SHA-256, 32 bytes of salt, over `string_to_sign`."""

    string_to_sign: bytes
    headers: Mapping[str, str]
    credential: str
    signed_headers: str

    def signed_by(self, signature: bytes) -> Dict[str, str]:
        """All headers to send, given the RSA signature."""
        value = authorization(self.credential, self.signed_headers, b64encode(signature).decode("ascii"))
        return {**self.headers, "Authorization": value}


def sign_headers(
    request: Outgoing, credentials: Credentials, *, region: str, service: str, now_ms: int
) -> Dict[str, str]:
    """All headers to send: those given, and `X-Amz-Date`, `X-Amz-Security-Token`, `Authorization`.

    For S3 also `X-Amz-Content-Sha256`, which S3 demands.
    """
    date = amz_date(now_ms)
    headers = _without(request.headers, ("authorization", "x-amz-date", "x-amz-security-token"))
    headers["X-Amz-Date"] = date
    if credentials.session_token:
        headers["X-Amz-Security-Token"] = credentials.session_token
    if service == "s3":
        headers = _without(headers, ("x-amz-content-sha256",))
        headers["X-Amz-Content-Sha256"] = request.payload_hash()
    scope = credential_scope(date[:8], region, service)
    text, signed = _to_sign(request, headers, date, scope)
    key = signing_key(credentials.secret_access_key, date[:8], region, service)
    credential = credentials.access_key_id + "/" + scope
    headers["Authorization"] = authorization(credential, signed, signature(key, text))
    return headers


def machine_key_request(request: Outgoing, holder: KeyHolder, *, now_ms: int) -> Unsigned:
    """The request as a managed node signs it with the key that it registered (its role token's requests)."""
    date = amz_date(now_ms)
    headers = _without(request.headers, ("authorization", "x-amz-date", "x-amz-content-sha256"))
    headers["X-Amz-Date"] = date
    scope = credential_scope(date[:8], holder.region, holder.service)
    text, signed = _to_sign(request, headers, date, scope)
    # The official agent adds this header after it has chosen what to sign; we send what it sends.
    headers["X-Amz-Content-Sha256"] = request.payload_hash()
    return Unsigned(text, headers, holder.node_id + "/" + scope, signed)


def _to_sign(request: Outgoing, headers: Mapping[str, str], date: str, scope: str) -> Tuple[bytes, str]:
    lowered = {name.lower(): trimmed(value) for name, value in headers.items()}
    if "host" not in lowered:
        raise ValueError("a request is signed for its Host header, and this one has none")
    names = sorted(name for name in lowered if name not in NEVER_SIGNED)
    lines = "".join([f"{name}:{lowered[name]}\n" for name in names])
    signed = ";".join(names)
    canonical = canonical_request(
        (request.method, canonical_path(request.path, scope.split("/")[2]), canonical_query(request.query)),
        lines,
        signed,
        request.payload_hash(),
    )
    return string_to_sign(date, scope, canonical), signed


def _without(headers: Mapping[str, str], names: Iterable[str]) -> Dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in names}


def authorization(credential: str, signed_headers: str, signed: str) -> str:
    """The Authorization header."""
    return f"{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signed}"


def canonical_request(
    target: Tuple[str, str, str], lines: str, signed_headers: str, payload_hash: str
) -> bytes:
    """`target`: method, canonical path, canonical query. `lines`: `name:value\\n`, by name, trimmed."""
    method, path, query = target
    return wire_bytes(f"{method}\n{path}\n{query}\n{lines}\n{signed_headers}\n{payload_hash}")


def string_to_sign(date: str, scope: str, canonical: bytes) -> bytes:
    """`date` is YYYYMMDDThhmmssZ, `scope` is date/region/service/aws4_request."""
    return wire_bytes(f"{ALGORITHM}\n{date}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}")


def signature(key: bytes, text: bytes) -> str:
    """The hexadecimal signature of a string to sign."""
    return hmac.new(key, text, hashlib.sha256).hexdigest()


@lru_cache(maxsize=4096)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key of one day, Region and service. Remembered: deriving it costs four HMACs."""
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, TERMINATOR):
        key = hmac.new(key, wire_bytes(part), hashlib.sha256).digest()
    return key


def credential_scope(day: str, region: str, service: str) -> str:
    """What a signature is good for."""
    return f"{day}/{region}/{service}/{TERMINATOR}"


def canonical_path(path: str, service: str) -> str:
    """S3: every byte encoded once, nothing resolved. Others: `.`, `..`, `//` resolved, then encoded again."""
    if not path or path == "/":
        return "/"
    if _PLAIN_PATH(path):
        return path
    if service == "s3":
        # Part by part: a slash that was sent encoded stays so.
        return "/".join(
            [quote(unquote_to_bytes(wire_bytes(part)), safe=_UNRESERVED) for part in path.split("/")]
        )
    return quote(wire_bytes(_normalised(path)), safe="/" + _UNRESERVED)


def _normalised(path: str) -> str:
    kept: List[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part and part != ".":
            kept.append(part)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def canonical_query(query: str, without: str = "") -> str:
    """The parameters, each decoded and encoded afresh, in order; `without` names one to leave out."""
    if not query:
        return ""
    pairs: List[Tuple[str, str]] = []
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            name = _encoded_afresh(name)
            if not without or name != without:
                pairs.append((name, _encoded_afresh(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encoded_afresh(text: str) -> str:
    if _PLAIN_VALUE(text):
        return text
    return quote(unquote_to_bytes(wire_bytes(text.replace("+", " "))), safe=_UNRESERVED)


def trimmed(value: str) -> str:
    """A header's value with no space around it and single spaces within."""
    if "  " in value or "\t" in value or value[:1] == " " or value[-1:] == " ":
        return " ".join(value.split())
    return value


def amz_date(now_ms: int) -> str:
    """YYYYMMDDThhmmssZ."""
    return (_EPOCH + timedelta(seconds=now_ms // 1000)).strftime("%Y%m%dT%H%M%SZ")


def wire_bytes(text: str) -> bytes:
    """The bytes of `text` on the wire: Latin-1 as servers read them, UTF-8 for what Latin-1 cannot say."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")
