"""Multipart uploads on the wire."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import common
from hostreeve.platform.objects.actions import buckets, objects, uploads
from hostreeve.platform.objects.actions.receiving import received
from hostreeve.platform.objects.model import conditions
from hostreeve.platform.objects.model.checksums import MEMBERS, TYPES
from hostreeve.platform.objects.model.listing import Listing, Position, behind, listed
from hostreeve.platform.objects.model.names import check_key, on_bucket, on_object
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.model.rows import Object, Upload
from hostreeve.platform.objects.operations.objects import CHECKSUMS, CONDITIONS, WRITE, copy_source
from hostreeve.platform.objects.operations.service import counted, encoder, owner, quoted, s3, understood
from hostreeve.platform.objects.store import objects as objects_store
from hostreeve.platform.objects.store import uploads as store

_LAST_ID = "\U0010ffff"


@s3.writes("CreateMultipartUpload", on=on_object, action="s3:PutObject")
def create_multipart_upload(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("CreateMultipartUpload", request, *WRITE, "ChecksumAlgorithm", "ChecksumType")
    check_key(request["Key"])
    algorithm, kind = _checksum(request)
    bucket = buckets.named(call.tx, call.scope, request)
    upload = Upload(
        key=request["Key"],
        upload_id=call.world.hex(48),
        headers=objects.kept_headers(request),
        metadata=request.get("Metadata", {}),
        checksum_algorithm=algorithm,
        checksum_type=kind,
        initiator=call.principal.arn,
        created_ms=call.now_ms,
    )
    store.insert(call.tx, bucket.scope, bucket.name, upload)
    return {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "ChecksumAlgorithm": algorithm or None,
        "ChecksumType": kind or None,
    }


def prepared(world: Any, request: dict[str, Any]) -> dict[str, Any]:
    """UploadPart before its transaction: the body goes to disk."""
    understood("UploadPart", request, *CHECKSUMS, "Body", "ContentMD5", "PartNumber", "UploadId")
    return received(world, request)


@s3.writes("UploadPart", on=on_object, action="s3:PutObject", prepares=prepared)
def upload_part(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.named(call.tx, call.scope, request)
    upload = uploads.named(call.tx, bucket, request)
    part = uploads.add_part(
        call.tx, bucket, upload, request["PartNumber"], request["Body"], now_ms=call.now_ms
    )
    return {"ETag": quoted(part.etag), **request["Body"].checksums}


@s3.writes("UploadPartCopy", on=on_object, action="s3:PutObject")
def upload_part_copy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A part out of another object, without moving a byte."""
    known = ("CopySource", "CopySourceRange", "PartNumber", "UploadId", "ExpectedSourceBucketOwner")
    understood("UploadPartCopy", request, *known, *(f"CopySource{name}" for name in CONDITIONS))
    holder, found = copy_source(call, request)
    conditions.check_read(found, request, "CopySource")
    bucket = buckets.named(call.tx, call.scope, request)
    upload = uploads.named(call.tx, bucket, request)
    span = conditions.copy_span(request.get("CopySourceRange"), found.size_bytes)
    target = (bucket, upload, request["PartNumber"])
    part = uploads.copy_part(call.tx, call.world, target, (holder, found), span, now_ms=call.now_ms)
    return {"CopyPartResult": {"ETag": quoted(part.etag), "LastModified": part.modified_ms // 1000}}


@s3.writes("CompleteMultipartUpload", on=on_object, action="s3:PutObject")
def complete_multipart_upload(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    known = ("MultipartUpload", "UploadId", "ChecksumType", "MpuObjectSize", "IfMatch", "IfNoneMatch")
    understood("CompleteMultipartUpload", request, *MEMBERS.values(), *known)
    bucket = buckets.named(call.tx, call.scope, request)
    before = uploads.completed_before(call.tx, bucket, request)
    if before is not None:
        return _completed(bucket.name, before)
    upload = uploads.named(call.tx, bucket, request)
    conditions.check_write(objects_store.find(call.tx, bucket.scope, bucket.name, upload.key), request)
    made = uploads.complete(call.tx, call.world, bucket, upload, request, now_ms=call.now_ms)
    return _completed(bucket.name, made)


@s3.writes("AbortMultipartUpload", on=on_object)
def abort_multipart_upload(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("AbortMultipartUpload", request, "UploadId")
    bucket = buckets.named(call.tx, call.scope, request)
    uploads.abort(call.tx, bucket, uploads.named(call.tx, bucket, request), call.now_ms)
    return {}


@s3.reads("ListParts", on=on_object, action="s3:ListMultipartUploadParts")
def list_parts(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("ListParts", request, "UploadId", "MaxParts", "PartNumberMarker")
    bucket = buckets.named(call.tx, call.scope, request)
    upload = uploads.named(call.tx, bucket, request)
    limit = counted(request, "MaxParts")
    marker = request.get("PartNumberMarker", 0)
    found = store.parts(call.tx, bucket.scope, upload.upload_id, after=marker, limit=limit + 1)
    shown = found[:limit]
    member = MEMBERS.get(upload.checksum_algorithm, "")
    return {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": shown[-1].number if shown else 0,
        "MaxParts": limit,
        "IsTruncated": len(found) > limit > 0,
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": part.modified_ms // 1000,
                "ETag": quoted(part.etag),
                "Size": part.size_bytes,
                **({member: part.checksum} if member else {}),
            }
            for part in shown
        ],
        "Initiator": {"ID": upload.initiator},
        "Owner": owner(bucket.account),
        "StorageClass": "STANDARD",
        "ChecksumAlgorithm": upload.checksum_algorithm or None,
        "ChecksumType": upload.checksum_type or None,
    }


@s3.reads("ListMultipartUploads", on=on_bucket, action="s3:ListBucketMultipartUploads")
def list_multipart_uploads(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    paging = ("KeyMarker", "UploadIdMarker", "MaxUploads", "Prefix", "Delimiter", "EncodingType")
    understood("ListMultipartUploads", request, *paging)
    bucket = buckets.named(call.tx, call.scope, request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")

    def fetch(position: Position, count: int) -> list[Upload]:
        return store.select(call.tx, bucket.scope, bucket.name, prefix=prefix, after=position, limit=count)

    limit = counted(request, "MaxUploads")
    page = listed(fetch, prefix=prefix, delimiter=delimiter, start=_start(request), limit=limit)
    encoded = encoder(request)
    return {
        "Bucket": bucket.name,
        "KeyMarker": encoded(request.get("KeyMarker", "")),
        "UploadIdMarker": request.get("UploadIdMarker", ""),
        "NextKeyMarker": encoded(page.last[0]) if page.more else None,
        "NextUploadIdMarker": (page.last[1] or None) if page.more else None,
        "Prefix": encoded(prefix),
        "Delimiter": encoded(delimiter) if delimiter else None,
        "EncodingType": request.get("EncodingType"),
        "MaxUploads": limit,
        "IsTruncated": page.more,
        "Uploads": _described(page, bucket.account, request),
        "CommonPrefixes": [{"Prefix": encoded(each)} for each in page.prefixes],
    }


def _described(page: Listing[Upload], account: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    encoded = encoder(request)
    return [
        {
            "Key": encoded(upload.key),
            "UploadId": upload.upload_id,
            "Initiated": upload.created_ms // 1000,
            "StorageClass": "STANDARD",
            "Owner": owner(account),
            "Initiator": {"ID": upload.initiator},
            "ChecksumAlgorithm": upload.checksum_algorithm or None,
            "ChecksumType": upload.checksum_type or None,
        }
        for upload in page.rows
    ]


def _start(request: dict[str, Any]) -> Position:
    marker, upload_id = request.get("KeyMarker", ""), request.get("UploadIdMarker", "")
    if marker and upload_id:
        return (marker, upload_id)
    # A key alone stands for all its uploads.
    found = behind(marker, request.get("Prefix", ""), request.get("Delimiter", ""))
    return (found[0], _LAST_ID) if marker else found


def _checksum(request: dict[str, Any]) -> tuple[str, str]:
    algorithm, kind = request.get("ChecksumAlgorithm", ""), request.get("ChecksumType", "")
    if not algorithm:
        if kind:
            raise refusal("InvalidRequest", "x-amz-checksum-type needs x-amz-checksum-algorithm.")
        return "", ""
    if algorithm not in TYPES:
        raise common.NotImplemented(f"{algorithm} is a checksum that this server does not know.")
    kind = kind or TYPES[algorithm][0]
    if kind not in TYPES[algorithm]:
        raise refusal(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
        )
    return algorithm, kind


def _completed(bucket: str, made: Object) -> dict[str, Any]:
    return {
        "Location": f"/{bucket}/{made.key}",
        "Bucket": bucket,
        "Key": made.key,
        "ETag": quoted(made.etag),
        **made.checksums,
    }
