"""Conditions and ranges of a request: pure decisions about one object."""

import re
from collections.abc import Mapping
from typing import Any

from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.model.rows import Object

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII).fullmatch


def check_read(found: Object, request: Mapping[str, Any], prefix: str = "") -> None:
    """Raise NotModified or PreconditionFailed as HTTP orders the four conditions.

    `prefix` is `CopySource` for the source of a copy, where nothing is NotModified, only failed.
    """
    match, none_match = request.get(f"{prefix}IfMatch"), request.get(f"{prefix}IfNoneMatch")
    since, until = request.get(f"{prefix}IfModifiedSince"), request.get(f"{prefix}IfUnmodifiedSince")
    if match is not None:
        if not names(match, found.etag):
            raise refusal("PreconditionFailed", Condition="If-Match")
    elif until is not None and found.modified_s > until:
        raise refusal("PreconditionFailed", Condition="If-Unmodified-Since")
    unchanged = refusal("PreconditionFailed" if prefix else "NotModified")
    if none_match is not None:
        if names(none_match, found.etag):
            raise unchanged
    elif since is not None and found.modified_s <= since:
        raise unchanged


def check_write(found: Object | None, request: Mapping[str, Any]) -> None:
    """Raise PreconditionFailed unless the object in the place is the one that the writer expects."""
    match, none_match = request.get("IfMatch"), request.get("IfNoneMatch")
    if none_match is not None and found is not None and names(none_match, found.etag):
        raise refusal("PreconditionFailed", Condition="If-None-Match")
    if match is None:
        return
    if found is None:
        raise refusal("NoSuchKey", Key=request["Key"])
    if not names(match, found.etag):
        raise refusal("PreconditionFailed", Condition="If-Match")


def names(condition: str, etag: str) -> bool:
    """Whether a header's list of ETags, or its star, names this one."""
    listed = [part.strip().removeprefix("W/").strip('"') for part in condition.split(",")]
    return "*" in listed or etag in listed


def span(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """(offset, length) of the range that is asked for; None for the whole.

    A header that is no range, or several, counts as absent, as S3 has it. InvalidRange when nothing of it
    exists.
    """
    found = _RANGE(header.replace(" ", "")) if header else None
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if first and last and int(first) > int(last):
        return None
    offset = int(first) if first else max(0, size_bytes - int(last))
    end = min(int(last) + 1, size_bytes) if first and last else size_bytes
    if offset >= end:
        raise refusal("InvalidRange", RangeRequested=header, ActualObjectSize=size_bytes)
    return offset, end - offset


def copy_span(header: str | None, size_bytes: int) -> tuple[int, int]:
    """(offset, length) of what is to be copied into a part: unlike a reader's range it must be exact."""
    if header is None:
        return 0, size_bytes
    found = _RANGE(header)
    if found is None or not found[1] or not found[2] or int(found[1]) > int(found[2]):
        raise refusal(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy",
        )
    if int(found[2]) >= size_bytes:
        raise refusal("InvalidRange", RangeRequested=header, ActualObjectSize=size_bytes)
    return int(found[1]), int(found[2]) - int(found[1]) + 1
