"""What is kept: buckets, objects, uploads, and the content that they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hostreeve.kernel.scope import Scope


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket; all it holds lies in its scope, whichever Region a caller signed for."""

    name: str
    account: str
    region: str
    created_ms: int

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file of the object folder, in a content. `part` counts an object's parts from 1."""

    file: str
    size_bytes: int
    offset_bytes: int = 0
    part: int = 1


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that are on disk and belong to no object yet: `file` is empty when there are none.

    `md5` is hexadecimal; `checksums` are what the sender proved, by S3's member names (`ChecksumCRC32`).
    """

    file: str
    size_bytes: int
    md5: str
    checksums: Mapping[str, str]

    @property
    def pieces(self) -> list[Piece]:
        return [Piece(self.file, self.size_bytes)] if self.file else []


@dataclass(frozen=True, slots=True)
class Object:
    """An object without its bytes.

    `headers` are those that its answers repeat, by S3's member names; `checksums` may hold `ChecksumType`.
    `part_count` is 0 unless it came in parts, by the upload `upload_id`.
    """

    key: str
    content: str
    size_bytes: int
    etag: str
    headers: Mapping[str, Any]
    metadata: Mapping[str, str]
    checksums: Mapping[str, str]
    modified_ms: int
    part_count: int = 0
    upload_id: str = ""

    @property
    def modified_s(self) -> int:
        """S3 shows and compares whole seconds."""
        return self.modified_ms // 1000

    @property
    def position(self) -> tuple[str, str]:
        return (self.key, "")


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way. The algorithm is empty when parts carry no checksum to keep."""

    key: str
    upload_id: str
    headers: Mapping[str, Any]
    metadata: Mapping[str, str]
    checksum_algorithm: str
    checksum_type: str
    initiator: str
    created_ms: int

    @property
    def position(self) -> tuple[str, str]:
        return (self.key, self.upload_id)


@dataclass(frozen=True, slots=True)
class Part:
    """One part that arrived; `checksum` is of the upload's algorithm."""

    number: int
    content: str
    size_bytes: int
    etag: str
    checksum: str
    modified_ms: int
