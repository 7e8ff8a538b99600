"""S3 addresses presigned by Signature Version 2: what clients still make by default in the older Regions.

Only as a query string: such an address is how a person hands an object to another, and `aws s3 presign` of
today may write it so.
"""

import hmac
from base64 import b64encode
from urllib.parse import unquote, unquote_plus

from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.signature_claims import Claim
from hostreeve.gateway.signature_refusals import MISMATCH, error, refusal

_PART_OF_THE_RESOURCE = frozenset(
    (
        *("acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "object-lock"),
        *("partNumber", "policy", "replication", "requestPayment", "restore", "select", "select-type"),
        *("tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website"),
        *("accelerate", "analytics", "defaultObjectAcl", "inventory", "metrics", "storageClass"),
        *("response-cache-control", "response-content-disposition", "response-content-encoding"),
        *("response-content-language", "response-content-type", "response-expires"),
    )
)
"""Query parameters that a signature of this version covers."""


def verify(claim: Claim, http: HttpRequest, secret: str, now_ms: int, *, bucket_in_host: str) -> None:
    """Return when `secret` presigned this request and its time is not over; else raise S3's error."""
    assert claim.expires_at_s is not None
    if now_ms // 1000 > claim.expires_at_s:
        raise error("AccessDenied", 403, "Request has expired")
    if claim.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        raise error("InvalidRequest", 400, "A body in chunks needs the signature AWS4-HMAC-SHA256.")
    text = _text_to_sign(claim, http, bucket_in_host)
    expected = b64encode(hmac.digest(secret.encode(), text.encode("utf-8", "replace"), "sha1"))
    if not hmac.compare_digest(expected, claim.signature.encode("utf-8", "replace")):
        raise refusal(MISMATCH, "s3")


def _text_to_sign(claim: Claim, http: HttpRequest, bucket_in_host: str) -> str:
    pairs = [pair.partition("=") for pair in http.query.split("&") if pair]
    # Clients carry these along in the address; S3 takes them for headers.
    sent = {unquote(name): unquote_plus(value) for name, _, value in pairs}
    headers = {name: value for name, value in sent.items() if name.islower()} | claim.headers
    lines = [
        http.method,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        str(claim.expires_at_s),
        *(f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-amz-")),
    ]
    covered = sorted(
        f"{name}={unquote(value)}" if equals else name
        for name, equals, value in pairs
        if name in _PART_OF_THE_RESOURCE
    )
    resource = (f"/{bucket_in_host}" if bucket_in_host else "") + http.path
    return "\n".join([*lines, resource + ("?" + "&".join(covered) if covered else "")])
