"""Multipart uploads: parts arrive in any order; one call makes an object of them without moving a byte."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostreeve.api.errors import common
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform.objects.actions.objects import replace_object
from hostreeve.platform.objects.model.checksums import MEMBERS, is_well_formed, of_parts
from hostreeve.platform.objects.model.pieces import stretch
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.model.rows import Bucket, Content, Object, Part, Piece, Upload
from hostreeve.platform.objects.store import contents
from hostreeve.platform.objects.store import objects as objects_store
from hostreeve.platform.objects.store import uploads as store

PART_BYTES_MIN = 5 * 1024 * 1024
"""Of every part but the last."""
PART_NUMBER_MAX = 10_000


def named(tx: Transaction, bucket: Bucket, request: Mapping[str, Any]) -> Upload:
    """The upload under way that a request names. NoSuchUpload."""
    found = store.find(tx, bucket.scope, bucket.name, request["Key"], request["UploadId"])
    if found is None:
        raise refusal("NoSuchUpload", UploadId=request["UploadId"])
    return found


def add_part(
    tx: Transaction, bucket: Bucket, upload: Upload, number: int, content: Content, *, now_ms: int
) -> Part:
    """Keep an arrived part, in the place of another of its number."""
    algorithm = upload.checksum_algorithm
    proven = content.checksums.get(MEMBERS[algorithm], "") if algorithm else ""
    if algorithm and not proven:
        raise refusal(
            "InvalidRequest",
            f"The upload was created with the checksum {algorithm}: each part must come with one.",
        )
    part = Part(number, content.file, content.size_bytes, content.md5, proven, now_ms)
    _keep(tx, bucket, upload, part, content.pieces)
    return part


def copy_part(
    tx: Transaction,
    world: World,
    target: tuple[Bucket, Upload, int],
    source: tuple[Bucket, Object],
    span: tuple[int, int],
    *,
    now_ms: int,
) -> Part:
    """A stretch of an object as a part: both name the same files.

    Its ETag says whose bytes they are, and is not their MD5, for which they would have to be read.
    """
    bucket, upload, number = target
    if upload.checksum_algorithm:
        raise common.NotImplemented(
            "An upload that was created with a checksum takes no copied parts here yet."
        )
    holder, found = source
    shared = stretch(contents.pieces(tx, holder.scope, found.content), *span) if found.content else []
    told = f"{found.etag} {span[0]} {span[1]}".encode()
    etag = hashlib.md5(told, usedforsecurity=False).hexdigest()
    part = Part(number, world.hex(32) if shared else "", span[1], etag, "", now_ms)
    _keep(tx, bucket, upload, part, shared)
    return part


def _keep(tx: Transaction, bucket: Bucket, upload: Upload, part: Part, pieces: Sequence[Piece]) -> None:
    if not 1 <= part.number <= PART_NUMBER_MAX:
        raise refusal("InvalidArgument", f"Part number must be an integer between 1 and {PART_NUMBER_MAX}.")
    before = store.find_part(tx, bucket.scope, upload.upload_id, part.number)
    if before is not None and before.content:
        contents.drop(tx, bucket.scope, [before.content], part.modified_ms)
    contents.insert(tx, bucket.scope, part.content, pieces)
    store.upsert_part(tx, bucket.scope, upload.upload_id, part)


def abort(tx: Transaction, bucket: Bucket, upload: Upload, now_ms: int) -> None:
    arrived = store.parts(tx, bucket.scope, upload.upload_id)
    contents.drop(tx, bucket.scope, [part.content for part in arrived if part.content], now_ms)
    store.delete(tx, bucket.scope, bucket.name, upload)


def complete(
    tx: Transaction,
    world: World,
    bucket: Bucket,
    upload: Upload,
    request: Mapping[str, Any],
    *,
    now_ms: int,
) -> Object:
    """The object made of the listed parts; parts that are not listed are dropped.

    InvalidPart, InvalidPartOrder, EntityTooSmall, BadDigest.
    """
    arrived = {part.number: part for part in store.parts(tx, bucket.scope, upload.upload_id)}
    parts = _chosen(request, arrived, upload)
    size_bytes = sum(part.size_bytes for part in parts)
    if request.get("MpuObjectSize", size_bytes) != size_bytes:
        raise refusal("InvalidRequest", f"The parts have {size_bytes} bytes in all, not the stated size.")
    made = Object(
        key=upload.key,
        content=world.hex(32),
        size_bytes=size_bytes,
        etag=_etag(parts),
        headers=upload.headers,
        metadata=upload.metadata,
        checksums=_checksums(upload, parts, request),
        modified_ms=now_ms,
        part_count=len(parts),
        upload_id=upload.upload_id,
    )
    pieces = contents.pieces_of_many(tx, bucket.scope, [part.content for part in parts if part.content])
    joined = [
        replace(piece, part=count)
        for count, part in enumerate(parts, 1)
        for piece in pieces.get(part.content, [])
    ]
    contents.insert(tx, bucket.scope, made.content, joined)
    contents.drop(tx, bucket.scope, [part.content for part in arrived.values() if part.content], now_ms)
    store.delete(tx, bucket.scope, bucket.name, upload)
    replace_object(tx, bucket, made)
    return made


def completed_before(tx: Transaction, bucket: Bucket, request: Mapping[str, Any]) -> Object | None:
    """The object that this very upload made already: a client repeats a call whose answer it lost."""
    found = objects_store.find(tx, bucket.scope, bucket.name, request["Key"])
    return found if found is not None and found.upload_id == request["UploadId"] else None


def _chosen(request: Mapping[str, Any], arrived: Mapping[int, Part], upload: Upload) -> list[Part]:
    listed = request.get("MultipartUpload", {}).get("Parts", [])
    if not listed:
        raise refusal("MalformedXML", "The list of parts is empty.")
    chosen: list[Part] = []
    for each in listed:
        part = _part(each, arrived, upload)
        if chosen and part.number <= chosen[-1].number:
            raise refusal("InvalidPartOrder", UploadId=upload.upload_id)
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size_bytes < PART_BYTES_MIN:
            raise refusal(
                "EntityTooSmall",
                ProposedSize=part.size_bytes,
                MinSizeAllowed=PART_BYTES_MIN,
                PartNumber=part.number,
                ETag=part.etag,
            )
    return chosen


def _part(each: Mapping[str, Any], arrived: Mapping[int, Part], upload: Upload) -> Part:
    part = arrived.get(each.get("PartNumber", 0))
    etag = str(each.get("ETag", "")).strip('"')
    if part is None or part.etag != etag:
        raise refusal(
            "InvalidPart", UploadId=upload.upload_id, PartNumber=each.get("PartNumber"), ETag=each.get("ETag")
        )
    for algorithm, name in MEMBERS.items():
        if name in each and (algorithm != upload.checksum_algorithm or each[name] != part.checksum):
            raise refusal("InvalidPart", UploadId=upload.upload_id, PartNumber=part.number, ETag=part.etag)
    return part


def _etag(parts: Sequence[Part]) -> str:
    joined = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"


def _checksums(upload: Upload, parts: Sequence[Part], request: Mapping[str, Any]) -> dict[str, str]:
    algorithm, kind = upload.checksum_algorithm, upload.checksum_type
    if request.get("ChecksumType", kind) != kind:
        raise refusal("InvalidRequest", f"The upload was created with the checksum type {kind}.")
    stated = {name: request[name] for name in MEMBERS.values() if name in request}
    if not algorithm:
        if stated:
            raise refusal("InvalidRequest", "The upload was created without a checksum.")
        return {}
    name = MEMBERS[algorithm]
    found = of_parts(algorithm, kind, [(part.checksum, part.size_bytes) for part in parts])
    if stated.keys() - {name}:
        raise refusal("InvalidRequest", f"The upload was created with the checksum {algorithm}.")
    if stated and _differs(algorithm, stated[name], found):
        raise refusal("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    return {name: found, "ChecksumType": kind}


def _differs(algorithm: str, stated: str, found: str) -> bool:
    """A composite checksum may be stated with or without the count of parts behind it."""
    value = stated.partition("-")[0]
    if not is_well_formed(algorithm, value):
        raise refusal("InvalidRequest", f"The value of {MEMBERS[algorithm]} is not a {algorithm} in base64.")
    return base64.b64decode(value) != base64.b64decode(found.partition("-")[0])
