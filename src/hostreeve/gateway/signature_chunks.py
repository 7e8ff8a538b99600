"""S3's `aws-chunked` bodies: chunks with lengths and perhaps signatures, then trailers with a checksum."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from hostreeve.api.errors import AwsError
from hostreeve.contract.sigv4 import EMPTY_SHA256
from hostreeve.gateway.signature_checksums import checksum
from hostreeve.gateway.signature_refusals import MISMATCH, error, refusal

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = frozenset((SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER))
"""The values of `x-amz-content-sha256` that announce a chunked body."""

CHUNK_HEAD_LENGTH_MAX = 256
TRAILERS_LENGTH_MAX = 8192

_TRAILER_SIGNATURE = "x-amz-trailer-signature"
_HEAD = re.compile(rb"([0-9A-Fa-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?").fullmatch


@dataclass(frozen=True, slots=True)
class Seal:
    """What chunk signatures hang on: the signing key, the request's date and scope, and its own signature."""

    key: bytes = field(repr=False)
    date: str
    scope: str
    signature: str

    def of_chunk(self, previous: str, chunk: memoryview) -> str:
        return self._of("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY_SHA256, hashlib.sha256(chunk).hexdigest())

    def of_trailers(self, previous: str, canonical: bytes) -> str:
        return self._of("AWS4-HMAC-SHA256-TRAILER", previous, hashlib.sha256(canonical).hexdigest())

    def _of(self, label: str, *parts: str) -> str:
        text = "\n".join((label, self.date, self.scope, *parts))
        return hmac.digest(self.key, text.encode("latin-1"), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Opened:
    """What was inside the chunks, and the trailers behind them (names lower-case)."""

    body: bytes
    trailers: dict[str, str]

    def headers(self, sent: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The request's headers as if the body had been sent plain: the encoding gone, the trailers added."""
        kept: list[tuple[str, str]] = []
        for name, value in sent:
            if name == "content-encoding":
                left = [part for part in map(str.strip, value.split(",")) if part and part != "aws-chunked"]
                if not left:
                    continue
                value = ",".join(left)
            kept.append((name, value))
        return kept + list(self.trailers.items())


def open_body(sent: bytes, headers: dict[str, str], kind: str, seal: Seal | None) -> Opened:
    """The content of a chunked body. Raises S3's error for a wrong chunk, trailer, length or checksum.

    `seal` may be None for `STREAMING-UNSIGNED-PAYLOAD-TRAILER` only, which signs no chunk.
    """
    if kind != UNSIGNED_TRAILER and seal is None:
        raise refusal(MISMATCH, "s3")
    chunks, position, last_signature = _chunks(sent, None if kind == UNSIGNED_TRAILER else seal)
    body = b"".join(chunks)
    trailers, trailer_lines = _trailers(sent, position)
    if kind == SIGNED_TRAILER and seal is not None:
        stated = trailers.pop(_TRAILER_SIGNATURE, "")
        _same_signature(seal.of_trailers(last_signature, trailer_lines), stated)
    elif kind == SIGNED and trailers:
        raise _incomplete("a body of this kind has no trailers")
    _check_length(headers, len(body))
    _check_trailers(headers, trailers, body)
    return Opened(body, trailers)


def _chunks(sent: bytes, seal: Seal | None) -> tuple[list[memoryview], int, str]:
    """(chunks, where the trailers begin, the last chunk's signature); every signature has been checked."""
    view = memoryview(sent)
    chunks: list[memoryview] = []
    position = 0
    previous = seal.signature if seal else ""
    while True:
        end = sent.find(b"\r\n", position, position + CHUNK_HEAD_LENGTH_MAX)
        head = _HEAD(sent[position:end]) if end >= 0 else None
        if head is None:
            raise _incomplete("a chunk's head cannot be read")
        size_bytes = int(head[1], 16)
        start = end + 2
        chunk = view[start : start + size_bytes]
        if len(chunk) != size_bytes:
            raise _incomplete("a chunk is shorter than its head says")
        if seal is not None:
            stated = (head[2] or b"").decode("ascii")
            _same_signature(seal.of_chunk(previous, chunk), stated)
            previous = stated
        if size_bytes == 0:
            return chunks, start, previous
        position = start + size_bytes
        if sent[position : position + 2] != b"\r\n":
            raise _incomplete("a chunk is longer than its head says")
        position += 2
        chunks.append(chunk)


def _trailers(sent: bytes, position: int) -> tuple[dict[str, str], bytes]:
    """(trailers, the lines that their signature covers). Some clients end a trailer with a bare line feed."""
    if len(sent) - position > TRAILERS_LENGTH_MAX:
        raise _incomplete("the trailers are too long")
    trailers: dict[str, str] = {}
    for line in sent[position:].split(b"\n"):
        line = line.strip()
        if line:
            name, colon, value = line.decode("latin-1").partition(":")
            name = name.strip().lower()
            if not colon or name in trailers:
                raise error(
                    "MalformedTrailerError",
                    400,
                    "The request contained trailing data that was not well-formed",
                )
            trailers[name] = value.strip()
    covered = sorted((name, value) for name, value in trailers.items() if name != _TRAILER_SIGNATURE)
    return trailers, "".join(f"{name}:{value}\n" for name, value in covered).encode("latin-1")


def _check_length(headers: dict[str, str], size_bytes: int) -> None:
    stated = headers.get("x-amz-decoded-content-length", "")
    if not stated.isdecimal() or len(stated) > 18:
        raise error("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")
    if int(stated) != size_bytes:
        raise _incomplete(f"the body has {size_bytes} bytes where x-amz-decoded-content-length says {stated}")


def _check_trailers(headers: dict[str, str], trailers: dict[str, str], body: bytes) -> None:
    promised = {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()}
    if promised != trailers.keys():
        raise error(
            "MalformedTrailerError", 400, "The request contained trailing data that was not well-formed"
        )
    for name, stated in trailers.items():
        if not name.startswith("x-amz-checksum-"):
            continue
        computed = checksum(name, body)
        if computed is None:
            raise error(
                "NotImplemented",
                501,
                f"The checksum of the trailer {name} is not one that this server knows.",
            )
        if computed != stated:
            raise error(
                "BadDigest",
                400,
                f"The {name.rpartition('-')[2].upper()} you specified did not match the calculated checksum.",
            )


def _same_signature(expected: str, stated: str) -> None:
    if not hmac.compare_digest(expected.encode(), stated.encode("utf-8", "replace")):
        raise refusal(MISMATCH, "s3")


def _incomplete(why: str) -> AwsError:
    return error("IncompleteBody", 400, f"The request body cannot be read to its end: {why}.")
