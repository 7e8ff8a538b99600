"""Objects on the wire: put, got, looked at, copied and deleted."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.platform.objects.actions import buckets, objects
from hostreeve.platform.objects.actions.receiving import received
from hostreeve.platform.objects.model import conditions
from hostreeve.platform.objects.model.checksums import MEMBERS, UNKNOWN
from hostreeve.platform.objects.model.names import bucket_arn, check_key, object_arn, on_object
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.model.rows import Bucket, Content, Object
from hostreeve.platform.objects.operations.service import quoted, s3, understood
from hostreeve.platform.objects.store import objects as store

METADATA_BYTES_MAX = 2048
CHECKSUMS = (*MEMBERS.values(), *UNKNOWN, "ChecksumAlgorithm")
CONDITIONS = ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince")
RESPONSES = {
    "CacheControl": "ResponseCacheControl",
    "ContentDisposition": "ResponseContentDisposition",
    "ContentEncoding": "ResponseContentEncoding",
    "ContentLanguage": "ResponseContentLanguage",
    "ContentType": "ResponseContentType",
    "Expires": "ResponseExpires",
}
READ = (*CONDITIONS, *RESPONSES.values(), "Range", "PartNumber", "ChecksumMode")
WRITE = (*objects.KEPT_HEADERS, "Metadata", "IfMatch", "IfNoneMatch")


def prepared(world: Any, request: dict[str, Any]) -> dict[str, Any]:
    """PutObject before its transaction: refuse what can be refused by itself, then take the body to disk."""
    understood("PutObject", request, *WRITE, *CHECKSUMS, "Body", "ContentMD5")
    check_key(request["Key"])
    _check_metadata(request)
    return received(world, request)


@s3.writes("PutObject", on=on_object, prepares=prepared)
def put_object(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    bucket = buckets.named(call.tx, call.scope, request)
    conditions.check_write(store.find(call.tx, bucket.scope, bucket.name, request["Key"]), request)
    content: Content = request["Body"]
    made = Object(
        key=request["Key"],
        content=content.file,
        size_bytes=content.size_bytes,
        etag=content.md5,
        headers=objects.kept_headers(request),
        metadata=request.get("Metadata", {}),
        checksums=_whole(content.checksums),
        modified_ms=call.now_ms,
    )
    objects.place(call.tx, bucket, made, content)
    return {"ETag": quoted(made.etag), **made.checksums}


@s3.reads("GetObject", on=on_object)
def get_object(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The answer names where the bytes are; they are sent from there."""
    understood("GetObject", request, *READ)
    bucket, found = _found(call, request)
    conditions.check_read(found, request)
    offset, length, described = _described(call, bucket, found, request)
    return {"Body": objects.located(call.tx, bucket, found, offset, length), **described}


@s3.reads("HeadObject", on=on_object, action="s3:GetObject")
def head_object(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("HeadObject", request, *READ)
    bucket, found = _found(call, request)
    conditions.check_read(found, request)
    return _described(call, bucket, found, request)[2]


@s3.writes("DeleteObject", on=on_object)
def delete_object(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("DeleteObject", request, "IfMatch", "BypassGovernanceRetention")
    bucket = buckets.named(call.tx, call.scope, request)
    if "IfMatch" in request:
        conditions.check_write(store.find(call.tx, bucket.scope, bucket.name, request["Key"]), request)
    objects.delete(call.tx, bucket, request["Key"], call.now_ms)
    return {}


@s3.writes("DeleteObjects", asks=True)
def delete_objects(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Each key by itself: one that may not be deleted is an entry of the answer, not its end."""
    understood("DeleteObjects", request, "Delete", "ChecksumAlgorithm", "BypassGovernanceRetention")
    wanted = request["Delete"]["Objects"]
    if not 0 < len(wanted) <= 1000:
        raise refusal("MalformedXML", "Between 1 and 1,000 objects can be deleted at once.")
    bucket = buckets.named(call.tx, call.scope, request)
    deleted, errors = [], []
    for each in wanted:
        key = each["Key"]
        try:
            call.require("s3:DeleteObject", [object_arn(bucket.name, key)])
            _delete_one(call, bucket, each)
            deleted.append({"Key": key})
        except AwsError as refused:
            code = "AccessDenied" if refused.code == "AccessDeniedException" else refused.code
            errors.append({"Key": key, "Code": code, "Message": refused.message})
    return {"Deleted": [] if request["Delete"].get("Quiet") else deleted, "Errors": errors}


@s3.writes("CopyObject", on=on_object, action="s3:PutObject")
def copy_object(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Nothing is moved: both objects name the same files. ETag and checksums stay the source's."""
    sources = tuple(f"CopySource{name}" for name in CONDITIONS)
    understood("CopyObject", request, *WRITE, *sources, *COPYING)
    if "ChecksumAlgorithm" in request:
        raise refusal("InvalidRequest", "A copy keeps its source's checksum here; another cannot be chosen.")
    _check_metadata(request)
    source_bucket, source = copy_source(call, request)
    target = buckets.named(call.tx, call.scope, request)
    conditions.check_read(source, request, "CopySource")
    conditions.check_write(store.find(call.tx, target.scope, target.name, request["Key"]), request)
    replacing = request.get("MetadataDirective") == "REPLACE"
    if not replacing and (source_bucket.name, source.key) == (target.name, request["Key"]):
        raise refusal(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing "
            "the object's metadata, storage class, website redirect location or encryption attributes.",
        )
    made = Object(
        key=request["Key"],
        content=call.world.hex(32),
        size_bytes=source.size_bytes,
        etag=source.etag,
        headers=objects.kept_headers(request) if replacing else source.headers,
        metadata=request.get("Metadata", {}) if replacing else source.metadata,
        checksums=source.checksums,
        modified_ms=call.now_ms,
        part_count=source.part_count,
    )
    objects.copy(call.tx, (source_bucket, source), target, made)
    return {
        "CopyObjectResult": {"ETag": quoted(made.etag), "LastModified": made.modified_s, **made.checksums}
    }


COPYING = (
    "CopySource",
    "MetadataDirective",
    "TaggingDirective",
    "ChecksumAlgorithm",
    "ExpectedSourceBucketOwner",
)


def _found(call: Call, request: Mapping[str, Any]) -> tuple[Bucket, Object]:
    bucket = buckets.named(call.tx, call.scope, request)
    found = store.find(call.tx, bucket.scope, bucket.name, request["Key"])
    if found is None:
        # Who may not list the bucket does not learn what is missing from it.
        call.require("s3:ListBucket", [bucket_arn(bucket.name)])
        raise refusal("NoSuchKey", Key=request["Key"])
    return bucket, found


def _described(
    call: Call, bucket: Bucket, found: Object, request: Mapping[str, Any]
) -> tuple[int, int, dict[str, Any]]:
    """(offset, length, answer without the body)."""
    number = request.get("PartNumber")
    if number is not None and "Range" in request:
        raise refusal("InvalidRequest", "Cannot specify both Range header and partNumber query parameter.")
    if number is not None:
        span: tuple[int, int] | None = objects.part_span(call.tx, bucket, found, number)
    else:
        span = conditions.span(request.get("Range"), found.size_bytes)
    offset, length = span or (0, found.size_bytes)
    answer = {
        "AcceptRanges": "bytes",
        "LastModified": found.modified_s,
        "ContentLength": length,
        "ETag": quoted(found.etag),
        "Metadata": found.metadata,
        **found.headers,
        **{name: request[asked] for name, asked in RESPONSES.items() if asked in request},
    }
    if span and length:
        answer["ContentRange"] = f"bytes {offset}-{offset + length - 1}/{found.size_bytes}"
    elif request.get("ChecksumMode") == "ENABLED":
        answer.update(found.checksums)
    if number is not None and found.part_count:
        answer["PartsCount"] = found.part_count
    return offset, length, answer


def copy_source(call: Call, request: Mapping[str, Any]) -> tuple[Bucket, Object]:
    path, _, version = request["CopySource"].partition("?versionId=")
    name, _, key = unquote(path).removeprefix("/").partition("/")
    if not name or not key:
        raise refusal("InvalidArgument", "Copy Source must mention the source bucket and key: bucket/key")
    call.require("s3:GetObject", [object_arn(name, key)])
    if version not in ("", "null"):
        raise refusal("NoSuchVersion", Key=key, VersionId=version)
    asked = {"Bucket": name, "Key": key, "ExpectedBucketOwner": request.get("ExpectedSourceBucketOwner")}
    return _found(call, asked)


def _delete_one(call: Call, bucket: Bucket, each: Mapping[str, Any]) -> None:
    if each.get("VersionId", "null") != "null":
        raise refusal("NoSuchVersion")
    if "ETag" in each:
        found = store.find(call.tx, bucket.scope, bucket.name, each["Key"])
        conditions.check_write(found, {"Key": each["Key"], "IfMatch": each["ETag"]})
    objects.delete(call.tx, bucket, each["Key"], call.now_ms)


def _check_metadata(request: Mapping[str, Any]) -> None:
    size_bytes = sum(len(k.encode()) + len(v.encode()) for k, v in request.get("Metadata", {}).items())
    if size_bytes > METADATA_BYTES_MAX:
        raise refusal("MetadataTooLarge", Size=size_bytes, MaxSizeAllowed=METADATA_BYTES_MAX)


def _whole(checksums: Mapping[str, str]) -> dict[str, str]:
    return {**checksums, "ChecksumType": "FULL_OBJECT"} if checksums else {}
