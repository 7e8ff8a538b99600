"""A body as the protocols read it: unpacked where a client packed it, and within bounds."""

import zlib
from typing import Any

from hostreeve.api.service_models import OperationModel
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.protocols.refusals import UnreadableError

UNPACKED_BYTES_MAX = 16 << 20
_GZIP = 16 + zlib.MAX_WBITS


def unpacked(http: HttpRequest) -> bytes:
    """The body without its gzip, which clients use for large requests of some operations (PutMetricData)."""
    if http.header("content-encoding") != "gzip" or not http.body:
        return http.body
    stream = zlib.decompressobj(_GZIP)
    try:
        body = stream.decompress(http.body, UNPACKED_BYTES_MAX)
    except zlib.error:
        raise UnreadableError("The body is not valid gzip") from None
    if not stream.eof:
        raise UnreadableError("The body is cut off or unpacks to more than is accepted")
    return body


def is_packable(operation: OperationModel) -> bool:
    """Whether clients may pack the operation's requests; for S3 the same header describes an object."""
    return "requestcompression" in operation.traits


def refuse_zero_characters(value: Any) -> None:
    """No text of a request may hold U+0000: databases, environments and argument lists cannot."""
    if isinstance(value, str):
        if "\x00" in value:
            raise UnreadableError("A text holds the character U+0000, which is not accepted")
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_zero_characters(key)
            refuse_zero_characters(item)
    elif isinstance(value, list):
        for item in value:
            refuse_zero_characters(item)
