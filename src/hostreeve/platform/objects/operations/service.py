"""The table that the operations of this slice register in, and what several of them share."""

from collections.abc import Callable, Mapping
from typing import Any

from hostreeve.api.operations import Operations
from hostreeve.platform.objects.model.names import canonical_id, url_encoded
from hostreeve.platform.objects.model.refusals import refusal, refuse_others

s3 = Operations("s3")

IGNORABLE = frozenset({"ExpectedBucketOwner", "RequestPayer", "Bucket", "Key", "ContentLength"})
"""What every operation heeds, and what means nothing where nobody pays."""
ACLS = ("private", "bucket-owner-full-control")
LIST_MAX = 1000


def understood(operation: str, request: Mapping[str, Any], *members: str) -> None:
    """NotImplemented for what would be ignored otherwise; errors for what S3 refuses nowadays.

    The only ACLs are those that say what holds anyway: a bucket's owner owns all that is in it.
    """
    if request.get("ACL", "private") not in ACLS or any(name.startswith("Grant") for name in request):
        raise refusal("AccessControlListNotSupported")
    if request.get("StorageClass", "STANDARD") != "STANDARD":
        raise refusal("InvalidStorageClass", StorageClassRequested=request["StorageClass"])
    if request.get("VersionId", "null") != "null":
        raise refusal("NoSuchVersion", Key=request.get("Key"), VersionId=request["VersionId"])
    refuse_others(request, IGNORABLE.union(members, ("ACL", "StorageClass", "VersionId")), operation)


def owner(account: str) -> dict[str, Any]:
    return {"ID": canonical_id(account)}


def counted(request: Mapping[str, Any], member: str) -> int:
    """How many entries a page may have: 1,000, or fewer if asked for."""
    asked: int = request.get(member, LIST_MAX)
    if asked < 0:
        raise refusal("InvalidArgument", f"Argument {member} must be an integer between 0 and 2147483647")
    return min(asked, LIST_MAX)


def encoder(request: Mapping[str, Any]) -> Callable[[str], str]:
    """How keys are written in a list."""
    return url_encoded if request.get("EncodingType") == "url" else str


def quoted(etag: str) -> str:
    return f'"{etag}"'
