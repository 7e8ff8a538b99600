"""The checksums that S3 clients send along with a body, as trailers or headers (base64, big-endian)."""

import hashlib
import zlib
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from sys import byteorder

_CRC32C = (0x82F63B78, 4)
_CRC64NVME = (0x9A6C9329AC4BC9B5, 8)


def checksum(name: str, body: bytes) -> str | None:
    """What header `name` (`x-amz-checksum-crc32`, …) should carry for this body; None when it is no checksum.

    CRC-32C and CRC-64/NVME are computed in Python, at some 15 MB a second.
    """
    compute = _ALGORITHMS.get(name)
    return None if compute is None else b64encode(compute(body)).decode("ascii")


def _crc(body: bytes, polynomial: int, size_bytes: int) -> bytes:
    """A reflected CRC, two bytes a step. The loop is the cost, so it holds nothing but look-ups."""
    table = _table(polynomial)
    mask = crc = (1 << (8 * size_bytes)) - 1
    even = len(body) & ~1
    words = memoryview(body)[:even].cast("H")
    if byteorder == "little":
        for word in words:
            word ^= crc & 0xFFFF
            crc = crc >> 16 ^ table[word]
    else:
        for word in words:
            crc = crc >> 16 ^ table[(crc ^ (word >> 8 | word << 8)) & 0xFFFF]
    if len(body) > even:
        # One byte left over: half a step.
        crc = crc >> 8 ^ _bytewise(polynomial, (crc ^ body[-1]) & 0xFF)
    return (crc ^ mask).to_bytes(size_bytes, "big")


@cache
def _table(polynomial: int) -> list[int]:
    """The remainders of all 65,536 two-byte words: 3 MB, made on first use."""
    single = [_bytewise(polynomial, value) for value in range(256)]
    return [
        single[(single[word & 0xFF] ^ word >> 8) & 0xFF] ^ single[word & 0xFF] >> 8 for word in range(65536)
    ]


def _bytewise(polynomial: int, value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ polynomial if value & 1 else value >> 1
    return value


_ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "x-amz-checksum-crc32c": lambda body: _crc(body, *_CRC32C),
    "x-amz-checksum-crc64nvme": lambda body: _crc(body, *_CRC64NVME),
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body).digest(),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
}
