"""Checksums of objects that come in parts: of the whole out of its parts', or of the parts' checksums."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping, Sequence

MEMBERS = {
    "CRC32": "ChecksumCRC32",
    "CRC32C": "ChecksumCRC32C",
    "CRC64NVME": "ChecksumCRC64NVME",
    "SHA1": "ChecksumSHA1",
    "SHA256": "ChecksumSHA256",
}
"""The algorithms that are known here, and the member that carries each."""

UNKNOWN = (
    "ChecksumSHA512",
    "ChecksumMD5",
    "ChecksumXXHASH64",
    "ChecksumXXHASH3",
    "ChecksumXXHASH128",
)
"""Members of S3's model that would need algorithms which we do not have."""

SIZES: Mapping[str, int] = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
TYPES: Mapping[str, tuple[str, ...]] = {
    "CRC32": ("COMPOSITE", "FULL_OBJECT"),
    "CRC32C": ("COMPOSITE", "FULL_OBJECT"),
    "CRC64NVME": ("FULL_OBJECT",),
    "SHA1": ("COMPOSITE",),
    "SHA256": ("COMPOSITE",),
}
"""The types that S3 allows for each; the first is the one when none is asked for."""

_POLYNOMIALS = {"CRC32": 0xEDB88320, "CRC32C": 0x82F63B78, "CRC64NVME": 0x9A6C9329AC4BC9B5}


def is_well_formed(algorithm: str, value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == SIZES[algorithm]
    except (binascii.Error, ValueError):
        return False


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> str:
    """The checksum of the object whose parts have these (checksum, size in bytes)."""
    if kind == "FULL_OBJECT":
        return _whole(algorithm, parts)
    joined = b"".join(base64.b64decode(value) for value, _ in parts)
    return f"{base64.b64encode(_hashed(algorithm, joined)).decode()}-{len(parts)}"


def _hashed(algorithm: str, content: bytes) -> bytes:
    match algorithm:
        case "SHA1":
            return hashlib.sha1(content).digest()
        case "SHA256":
            return hashlib.sha256(content).digest()
        case "CRC32":
            return zlib.crc32(content).to_bytes(4, "big")
    return _crc32c(content).to_bytes(4, "big")


def _crc32c(content: bytes) -> int:
    # At most 40,000 bytes, four a part: a plain loop will do.
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 if crc & 1 else crc >> 1
    return crc ^ 0xFFFFFFFF


def _whole(algorithm: str, parts: Sequence[tuple[str, int]]) -> str:
    """A CRC is linear: what a part adds is its own CRC, and the one before shifted by the part's length."""
    size_bytes = SIZES[algorithm]
    crc = 0
    for value, length_bytes in parts:
        shift = _power(length_bytes, _POLYNOMIALS[algorithm], size_bytes * 8)
        crc = _times(shift, crc, _POLYNOMIALS[algorithm], size_bytes * 8)
        crc ^= int.from_bytes(base64.b64decode(value), "big")
    return base64.b64encode(crc.to_bytes(size_bytes, "big")).decode()


def _power(length_bytes: int, polynomial: int, bits: int) -> int:
    """x to the power of 8 * length, modulo the polynomial; the highest bit is x to the power of 0."""
    result, factor = 1 << (bits - 1), 1 << (bits - 9)
    while length_bytes:
        if length_bytes & 1:
            result = _times(result, factor, polynomial, bits)
        factor = _times(factor, factor, polynomial, bits)
        length_bytes >>= 1
    return result


def _times(a: int, b: int, polynomial: int, bits: int) -> int:
    product = 0
    for place in range(bits - 1, -1, -1):
        if a >> place & 1:
            product ^= b
        b = b >> 1 ^ polynomial if b & 1 else b >> 1
    return product
