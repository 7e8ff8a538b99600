"""Where attachments come from: the three forms in which CreateDocument and UpdateDocument name them."""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

FILE = re.compile(r"[a-zA-Z0-9_\-.]{3,128}")
_HOSTED = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-].*")
_REFERENCE = re.compile(r"(?P<document>.+)/(?P<version>[^/]+)/(?P<file>[^/]+)")


class Place(NamedTuple):
    """An object, or with a key that is a prefix, all that lies below."""

    bucket: str
    key: str


class Referred(NamedTuple):
    """A file of another document's version."""

    document: str
    version: str
    file: str


def place_of(url: str) -> Place | None:
    """`s3://bucket/key`, or S3's https form with the bucket in the path or in the host; else None."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        return Place(parts.netloc, path) if parts.netloc else None
    if parts.scheme != "https":
        return None
    hosted = _HOSTED.fullmatch(parts.hostname or "")
    if hosted is not None:
        return Place(hosted["bucket"], path)
    bucket, _, key = path.partition("/")
    return Place(bucket, key) if bucket else None


def referred(text: str) -> Referred | None:
    """`name/version/file`, or the same with a document's ARN."""
    found = _REFERENCE.fullmatch(text)
    return Referred(found["document"], found["version"], found["file"]) if found else None


def below(prefix: str, name: str) -> str:
    """The key of a file of that name under a prefix that need not end with a slash."""
    return f"{prefix.rstrip('/')}/{name}" if prefix.strip("/") else name
