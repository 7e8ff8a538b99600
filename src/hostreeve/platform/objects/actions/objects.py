"""Objects: put in their place, found, copied and deleted. Their bytes are on disk before any of this."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hostreeve.api.files import FilePart
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.objects.actions.buckets import owned
from hostreeve.platform.objects.model import pieces
from hostreeve.platform.objects.model.names import check_key
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.model.rows import Bucket, Content, Object
from hostreeve.platform.objects.store import contents, files
from hostreeve.platform.objects.store import objects as store

CONTENT_TYPE_DEFAULT = "binary/octet-stream"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object and where its bytes are. They may be read for minutes after it is gone, not longer."""

    found: Object
    parts: tuple[FilePart, ...]

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a bounded number at a time. It blocks on the disk: not on an event loop."""
        return files.chunks(self.parts)

    def whole(self) -> bytes:
        """All bytes at once, for what is known to be small."""
        return b"".join(self.chunks())


def put(
    tx: Transaction,
    scope: Scope,
    bucket: str,
    key: str,
    content: Content,
    *,
    now_ms: int,
    content_type: str = CONTENT_TYPE_DEFAULT,
    metadata: Mapping[str, str] | None = None,
) -> Object:
    """The front door's PutObject: `content` is what `keep` put on disk before the unit began.

    NoSuchBucket, AccessDenied (another account's bucket), KeyTooLongError.
    """
    made = Object(
        key=key,
        content=content.file,
        size_bytes=content.size_bytes,
        etag=content.md5,
        headers={"ContentType": content_type},
        metadata=dict(metadata or {}),
        checksums=dict(content.checksums),
        modified_ms=now_ms,
    )
    return place(tx, owned(tx, scope, bucket), made, content)


def read(tx: Transaction, scope: Scope, bucket: str, key: str) -> Stored | None:
    """The front door's GetObject: the account's own object, or None when there is no such key.

    NoSuchBucket, AccessDenied.
    """
    place_of = owned(tx, scope, bucket)
    found = store.find(tx, place_of.scope, bucket, key)
    return Stored(found, located(tx, place_of, found, 0, found.size_bytes)) if found else None


def keys_under(tx: Transaction, scope: Scope, bucket: str, prefix: str, *, limit: int) -> list[str]:
    """The first keys that begin with `prefix`, of the account's own bucket. NoSuchBucket, AccessDenied."""
    place_of = owned(tx, scope, bucket)
    found = store.select(tx, place_of.scope, bucket, prefix=prefix, after="", limit=limit)
    return [one.key for one in found]


def remove(tx: Transaction, scope: Scope, bucket: str, key: str, *, now_ms: int) -> None:
    """The front door's DeleteObject. NoSuchBucket, AccessDenied; a key that is not there is no error."""
    delete(tx, owned(tx, scope, bucket), key, now_ms)


def place(tx: Transaction, bucket: Bucket, made: Object, content: Content) -> Object:
    """Give arrived bytes their object; what was under the key before is dropped."""
    check_key(made.key)
    contents.insert(tx, bucket.scope, made.content, content.pieces)
    replace_object(tx, bucket, made)
    return made


def replace_object(tx: Transaction, bucket: Bucket, made: Object) -> None:
    """The object under its key, whose content is there already; what was under the key before is dropped."""
    before = store.find(tx, bucket.scope, bucket.name, made.key)
    if before is not None and before.content:
        contents.drop(tx, bucket.scope, [before.content], made.modified_ms)
    store.upsert(tx, bucket.scope, bucket.name, made)


def delete(tx: Transaction, bucket: Bucket, key: str, now_ms: int) -> None:
    """A key that is not there is no error."""
    found = store.find(tx, bucket.scope, bucket.name, key)
    if found is not None:
        contents.drop(tx, bucket.scope, [found.content] if found.content else [], now_ms)
        store.delete(tx, bucket.scope, bucket.name, key)


def copy(tx: Transaction, source: tuple[Bucket, Object], target: Bucket, made: Object) -> Object:
    """The source's bytes under another key: both name the same files, which never change."""
    bucket, found = source
    shared = contents.pieces(tx, bucket.scope, found.content)
    check_key(made.key)
    if shared:
        contents.insert(tx, target.scope, made.content, shared)
    else:
        made = replace(made, content="")
    replace_object(tx, target, made)
    return made


def located(tx: Transaction, bucket: Bucket, found: Object, offset: int, length: int) -> tuple[FilePart, ...]:
    """Where a range of an object's bytes lies."""
    if not found.content:
        return ()
    return files.parts(pieces.stretch(contents.pieces(tx, bucket.scope, found.content), offset, length))


def part_span(tx: Transaction, bucket: Bucket, found: Object, number: int) -> tuple[int, int]:
    """(offset, length) of one part of an object that came in parts; the whole of another is its part 1."""
    if number > max(found.part_count, 1):
        raise refusal("InvalidPartNumber", ActualPartCount=max(found.part_count, 1))
    if not found.part_count:
        return 0, found.size_bytes
    return pieces.part_span(contents.pieces(tx, bucket.scope, found.content), number)


def kept_headers(request: Mapping[str, Any]) -> dict[str, Any]:
    """The headers of a request that the object's answers will repeat."""
    found = {name: request[name] for name in KEPT_HEADERS if name in request}
    return {"ContentType": CONTENT_TYPE_DEFAULT, **found}


KEPT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)
