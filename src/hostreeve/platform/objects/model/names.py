"""Names: what a bucket may be called, what a key may be, and their ARNs."""

import hashlib
import ipaddress
import re
from typing import Any
from urllib.parse import quote_plus

from hostreeve.kernel.scope import PARTITION, Scope
from hostreeve.platform.objects.model.refusals import refusal

KEY_BYTES_MAX = 1024
OWN_PAGES = ("healthz", "metrics")
"""Pages of this server at the top of its address, where path style has the bucket."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII).fullmatch
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")
_LAST = "\U0010ffff" * (KEY_BYTES_MAX // 4)


def check_bucket_name(name: str) -> None:
    """Raise InvalidBucketName unless a bucket may be created under this name."""
    if (
        not _BUCKET(name)
        or ".." in name
        or name.startswith(_RESERVED_STARTS)
        or name.endswith(_RESERVED_ENDS)
        or name in OWN_PAGES
        or _is_address(name)
    ):
        raise refusal("InvalidBucketName", BucketName=name)


def check_key(key: str) -> None:
    """Raise KeyTooLongError for a key that is too long."""
    size_bytes = len(key.encode())
    if size_bytes > KEY_BYTES_MAX:
        raise refusal("KeyTooLongError", Size=size_bytes, MaxSizeAllowed=KEY_BYTES_MAX)


def bucket_arn(bucket: str) -> str:
    return f"arn:{PARTITION}:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    return f"arn:{PARTITION}:s3:::{bucket}/{key}"


def on_bucket(scope: Scope, request: dict[str, Any]) -> list[str]:
    """What an operation on a bucket touches."""
    return [bucket_arn(request["Bucket"])]


def on_object(scope: Scope, request: dict[str, Any]) -> list[str]:
    """What an operation on an object touches."""
    return [object_arn(request["Bucket"], request["Key"])]


def canonical_id(account: str) -> str:
    """S3 shows owners by 64 hexadecimal digits that say nothing of the account."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def past(prefix: str) -> str:
    """A text that no key with this prefix is greater than."""
    return prefix + _LAST


def url_encoded(text: str) -> str:
    """A key as S3 writes it when `encoding-type=url` asks for it; slashes and stars stay."""
    return quote_plus(text, safe="/*").replace("~", "%7E")


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
