"""sourceType S3: an object, or every object below a folder, with the node's own credentials."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Iterator, List, Tuple
from urllib.parse import quote, unquote, urlsplit

from hostreeve.agent.plugins.control_plane import ControlPlane, Denied
from hostreeve.agent.plugins.download_content.destination import keep
from hostreeve.agent.plugins.download_content.wanted import Wanted
from hostreeve.agent.plugins.worker import StepFailed

_BUCKET_IN_HOST = re.compile(r"(?P<bucket>.+?)\.s3[.-].+|(?P<also>.+)\.s3").fullmatch
_S3_HOST = re.compile(r"s3([.-].*)?").match


def fetch(wanted: Wanted) -> None:
    """StepFailed when the path is no S3 address, or nothing is there for this node."""
    bucket, key = address(wanted.needed("path", "S3"), wanted.server.authority)
    if key and not key.endswith("/"):
        try:
            keep(wanted.destination.file(key), wanted.server.stored(bucket, key).pieces())
            return
        except Denied as refused:
            if refused.status != 404 and refused.code != "NoSuchKey":
                raise StepFailed(f"cannot download s3://{bucket}/{key}: {refused}") from None
    folder = key if not key or key.endswith("/") else f"{key}/"
    found = 0
    for each in keys_below(wanted.server, bucket, folder):
        if each.endswith("/"):
            continue
        found += 1
        try:
            pieces = wanted.server.stored(bucket, each).pieces()
        except Denied as refused:
            raise StepFailed(f"cannot download s3://{bucket}/{each}: {refused}") from None
        keep(wanted.destination.within(each[len(folder) :]), pieces)
    if not found:
        raise StepFailed(f"there is no object s3://{bucket}/{key} and nothing below it")


def address(path: str, own_authority: str) -> Tuple[str, str]:
    """Bucket and key of an S3 address in any of its forms. StepFailed for others.

    The buckets are always those of the server that this node belongs to, whatever host the address names.
    """
    # A plus sign in the path of an S3 address means a space; a plus itself is written %2B.
    url = urlsplit(path.replace("+", "%20"))
    rest = unquote(url.path.lstrip("/"))
    if url.scheme == "s3" and url.netloc:
        return url.netloc, rest
    if url.scheme in ("http", "https"):
        host = url.hostname or ""
        in_host = _BUCKET_IN_HOST(host)
        bucket, _, key = rest.partition("/")
        if url.netloc == own_authority and bucket:
            return bucket, key
        if in_host:
            return in_host.group("bucket") or in_host.group("also"), rest
        if _S3_HOST(host) and bucket:
            return bucket, key
    raise StepFailed(f"path is not an S3 address (https://s3.region.amazonaws.com/bucket/key): {path}")


def keys_below(server: ControlPlane, bucket: str, prefix: str) -> Iterator[str]:
    """Every key that begins with the prefix."""
    token = ""
    while True:
        query = f"list-type=2&prefix={quote(prefix, safe='-_.~')}"
        if token:
            query = f"continuation-token={quote(token, safe='-_.~')}&{query}"
        try:
            listed = server.stored(bucket, "", query).body()
        except Denied as refused:
            raise StepFailed(f"cannot list s3://{bucket}/{prefix}: {refused}") from None
        keys, token = _listing(listed)
        yield from keys
        if not token:
            return


def _listing(body: bytes) -> Tuple[List[str], str]:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as wrong:
        raise StepFailed(f"the object store's list cannot be read: {wrong}") from None
    name_space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    keys = [each.findtext(f"{name_space}Key") or "" for each in root.iter(f"{name_space}Contents")]
    return keys, root.findtext(f"{name_space}NextContinuationToken") or ""
