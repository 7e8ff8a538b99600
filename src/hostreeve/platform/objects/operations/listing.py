"""Lists of objects on the wire, in both of S3's versions."""

import base64
import binascii
from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.objects.actions import buckets
from hostreeve.platform.objects.model.listing import Listing, Position, behind, listed
from hostreeve.platform.objects.model.names import bucket_arn, past
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.model.rows import Bucket, Object
from hostreeve.platform.objects.operations.service import counted, encoder, owner, quoted, s3, understood
from hostreeve.platform.objects.store import objects as store

_COMMON = ("Prefix", "Delimiter", "MaxKeys", "EncodingType", "OptionalObjectAttributes")


@s3.reads("ListObjectsV2", asks=True, action="s3:ListBucket")
def list_objects_v2(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("ListObjectsV2", request, *_COMMON, "ContinuationToken", "StartAfter", "FetchOwner")
    bucket = _asked(call, request)
    token, after = request.get("ContinuationToken"), request.get("StartAfter", "")
    start = _opened(token) if token else (after, "")
    page = _page(call, bucket, request, start)
    encoded = encoder(request)
    shown_owner = owner(bucket.account) if request.get("FetchOwner") else None
    return {
        **_described(page, bucket, request, shown_owner),
        "KeyCount": len(page),
        "ContinuationToken": token,
        "NextContinuationToken": _token(page) if page.more else None,
        "StartAfter": encoded(after) if after else None,
    }


@s3.reads("ListObjects", asks=True, action="s3:ListBucket")
def list_objects(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("ListObjects", request, *_COMMON, "Marker")
    bucket = _asked(call, request)
    marker = request.get("Marker", "")
    delimiter = request.get("Delimiter", "")
    page = _page(call, bucket, request, behind(marker, request.get("Prefix", ""), delimiter))
    encoded = encoder(request)
    return {
        **_described(page, bucket, request, owner(bucket.account)),
        "Marker": encoded(marker),
        # Without a delimiter, clients take the last key.
        "NextMarker": encoded(page.last[0]) if page.more and delimiter else None,
    }


def _asked(call: Call, request: dict[str, Any]) -> Bucket:
    """The bucket, if the caller may list it so: policies can limit prefixes."""
    context = {"s3:prefix": [request.get("Prefix", "")]}
    if "Delimiter" in request:
        context["s3:delimiter"] = [request["Delimiter"]]
    if "MaxKeys" in request:
        context["s3:max-keys"] = [str(request["MaxKeys"])]
    call.require("s3:ListBucket", [bucket_arn(request["Bucket"])], context)
    return buckets.named(call.tx, call.scope, request)


def _page(call: Call, bucket: Bucket, request: dict[str, Any], start: Position) -> Listing[Object]:
    prefix = request.get("Prefix", "")

    def fetch(position: Position, count: int) -> list[Object]:
        return store.select(call.tx, bucket.scope, bucket.name, prefix=prefix, after=position[0], limit=count)

    return listed(
        fetch,
        prefix=prefix,
        delimiter=request.get("Delimiter", ""),
        start=start,
        limit=counted(request, "MaxKeys"),
    )


def _described(
    page: Listing[Object], bucket: Bucket, request: dict[str, Any], shown_owner: dict[str, Any] | None
) -> dict[str, Any]:
    encoded = encoder(request)
    delimiter = request.get("Delimiter")
    return {
        "Name": bucket.name,
        "Prefix": encoded(request.get("Prefix", "")),
        "Delimiter": encoded(delimiter) if delimiter else None,
        "MaxKeys": counted(request, "MaxKeys"),
        "EncodingType": request.get("EncodingType"),
        "IsTruncated": page.more,
        "Contents": [_entry(found, encoded(found.key), shown_owner) for found in page.rows],
        "CommonPrefixes": [{"Prefix": encoded(prefix)} for prefix in page.prefixes],
    }


def _entry(found: Object, key: str, shown_owner: dict[str, Any] | None) -> dict[str, Any]:
    algorithms = [name.removeprefix("Checksum") for name in found.checksums if name != "ChecksumType"]
    return {
        "Key": key,
        "LastModified": found.modified_s,
        "ETag": quoted(found.etag),
        "ChecksumAlgorithm": algorithms,
        "ChecksumType": found.checksums.get("ChecksumType"),
        "Size": found.size_bytes,
        "StorageClass": "STANDARD",
        "Owner": shown_owner,
    }


def _token(page: Listing[Object]) -> str:
    """Says whether the last entry was a key or a common prefix, which hides all below it."""
    last = page.last[0]
    kind = "p" if page.prefixes and page.prefixes[-1] == last else "k"
    return base64.urlsafe_b64encode(f"{kind}{last}".encode()).decode()


def _opened(token: str) -> Position:
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if text[:1] not in ("p", "k") or "\x00" in text:
        raise refusal("InvalidArgument", "The continuation token provided is incorrect")
    return (past(text[1:]) if text[0] == "p" else text[1:], "")
