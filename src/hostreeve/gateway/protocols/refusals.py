"""The errors that a protocol itself answers, each service family in its own words."""

from functools import cache
from typing import Literal

from hostreeve.api.errors import AwsError, common
from hostreeve.api.service_models import Service, Shape
from hostreeve.api.validation import message, missing_members

Family = Literal["json", "query", "ec2", "s3"]

_INVALID = {
    "cloudwatch": "ValidationError",
    "logs": "InvalidParameterException",
    "organizations": "InvalidInputException",
    "resource-groups": "BadRequestException",
    "resourcegroupstaggingapi": "InvalidParameterException",
    "sns": "InvalidParameter",
}
"""Services that report failed constraints under a code other than their family's."""

_REASONS = {
    "must not be null": "INPUT_REQUIRED",
    "length less": "MAX_LENGTH_EXCEEDED",
    "length greater": "MIN_LENGTH_EXCEEDED",
    "value less": "MAX_VALUE_EXCEEDED",
    "value greater": "MIN_VALUE_EXCEEDED",
    "regular expression": "INVALID_PATTERN",
    "enum value": "INVALID_ENUM",
}
"""The reason that Organizations gives beside the code, by the constraint's words."""

_FAMILIES: dict[str, Family] = {"query": "query", "ec2": "ec2", "rest-xml": "s3"}


class UnreadableError(Exception):
    """A value is not what its shape says: the text is the message for the client."""


def family(service: Service) -> Family:
    """Whose error codes a service uses: the JSON services', the query services', EC2's or S3's."""
    return _FAMILIES.get(service.protocols[-1], "json")


@cache
def refusal(code: str, status: int = 400) -> type[AwsError]:
    """An error type of a code that no service model declares."""
    return type(code, (AwsError,), {"code": code, "status": status})


def unreadable(protocol: str, reason: str) -> AwsError:
    """The body or a value in it could not be read as its type."""
    match _FAMILIES.get(protocol, "json"):
        case "json":
            return common.SerializationException(reason)  # type: ignore[no-any-return]
        case "query":
            return refusal("MalformedInput")(reason)
        case "ec2":
            return refusal("InvalidParameterValue")(reason)
    return refusal("MalformedXML" if "XML" in reason else "InvalidArgument")(reason)


def invalid(service: Service, failed: list[str], request: dict[str, object], shape: Shape) -> AwsError:
    """The request is well formed and breaks constraints of the model."""
    kind = family(service)
    missing = missing_members(shape, request)
    if kind == "ec2" and missing:
        return refusal("MissingParameter")(f"The request must contain the parameter {missing[0]}")
    code = (
        _INVALID.get(service.name)
        or {
            "json": "ValidationException",
            "query": "ValidationError",
            "ec2": "InvalidParameterValue",
            "s3": "InvalidRequest" if missing else "InvalidArgument",
        }[kind]
    )
    members = {"Reason": _reason(failed[0])} if service.name == "organizations" else {}
    return refusal(code)(message(failed), **members)


def _reason(failure: str) -> str:
    constraint = failure.rpartition("failed to satisfy constraint: ")[2]
    if "satisfy constraint: [" in failure:
        return "INVALID_LIST_MEMBER"
    return next((reason for words, reason in _REASONS.items() if words in constraint), "INVALID_PATTERN")


def unsupported_media(content_type: str) -> AwsError:
    return refusal("UnsupportedMediaTypeException", 415)(
        f"The content type {content_type[:100]} is not understood here."
    )
