"""S3's own errors, which its service model mostly does not declare: code, HTTP status, text."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from hostreeve.api.errors import AwsError, common

_KNOWN: Mapping[str, tuple[int, str]] = {
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs"),
    "AccessDenied": (403, "Access Denied"),
    "BadDigest": (400, "The digest that was sent does not match the body that arrived."),
    "BucketAlreadyExists": (
        409,
        "The bucket name is taken. Names are shared by all accounts; choose another.",
    ),
    "BucketAlreadyOwnedByYou": (409, "You own a bucket of this name already."),
    "BucketNotEmpty": (409, "The bucket still holds objects, so it cannot be deleted."),
    "EntityTooSmall": (400, "A part other than the last is smaller than the smallest part that is allowed."),
    "IllegalLocationConstraintException": (
        400,
        "The location constraint does not fit this Region's endpoint.",
    ),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 you specified is not valid."),
    "InvalidLocationConstraint": (400, "The specified location constraint is not valid."),
    "InvalidPart": (400, "A part was not found, or what was said about it differs from what was uploaded."),
    "InvalidPartNumber": (416, "The requested part number is not satisfiable."),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order."),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, "Invalid Request"),
    "InvalidStorageClass": (400, "The storage class you specified is not valid."),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedXML": (400, "The XML is not what this operation expects."),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (
        404,
        "There is no such multipart upload: the id is wrong, or it was completed or aborted.",
    ),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NotModified": (304, "Not Modified"),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "ServerSideEncryptionConfigurationNotFoundError": (
        404,
        "The server side encryption configuration was not found",
    ),
}


def refusal(code: str, message: str = "", **members: object) -> AwsError:
    """The error to raise. `members` become elements of the answer (`BucketName`, `Key`, …)."""
    return _type(code)(message or _KNOWN[code][1], **members)


def refuse_others(request: Mapping[str, Any], understood: Iterable[str], operation: str) -> None:
    """Raise NotImplemented for a member that would otherwise be accepted and ignored."""
    for name in request.keys() - frozenset(understood):
        raise common.NotImplemented(f"{operation} does not support {name} here yet.")


@cache
def _type(code: str) -> type[AwsError]:
    return type(code, (AwsError,), {"code": code, "status": _KNOWN[code][0]})
