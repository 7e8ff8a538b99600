"""JSON 1.0 and 1.1: everything in the body, the operation in X-Amz-Target."""

from typing import Any

import msgspec

from hostreeve.api.errors import AwsError, common
from hostreeve.api.service_models import OperationModel, Service
from hostreeve.api.validation_types import decoder, is_plain_output
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.protocols import errors, json_values
from hostreeve.gateway.protocols.refusals import UnreadableError

_CONTENT_TYPES = ("application/x-amz-json-1.1", "application/x-amz-json-1.0", "application/json")
_ZERO = b"\\u0000"
_encode = msgspec.json.Encoder().encode


def read_valid(operation: OperationModel, http: HttpRequest) -> dict[str, Any] | None:
    """The request if the fast path finds it valid; None says nothing and `read` must look."""
    fast = decoder(operation)
    if fast is None or http.header("content-type") not in _CONTENT_TYPES or _ZERO in http.body:
        return None
    try:
        return fast.decode(http.body or b"{}")
    except (ValueError, RecursionError):
        return None


def read(operation: OperationModel, http: HttpRequest) -> dict[str, Any]:
    """The request, its types right, its constraints not yet checked."""
    content_type = (http.header("content-type") or "").partition(";")[0].strip().lower()
    if content_type not in _CONTENT_TYPES:
        # AWS does not see an operation at all in such a request.
        raise common.UnknownOperationException(
            f"The content type '{content_type[:100]}' is not one of JSON 1.0 or 1.1."
        )
    tree = parsed(http.body)
    shape = operation.input
    if shape is None:
        return {}
    found: dict[str, Any] = json_values.read(shape, tree)
    return found


def parsed(body: bytes) -> Any:
    """The JSON value of a body; an empty body is an empty object."""
    try:
        return msgspec.json.decode(body or b"{}")
    except RecursionError:
        raise UnreadableError("The body is nested too deeply") from None
    except UnicodeDecodeError:
        raise UnreadableError("The body is not valid UTF-8") from None
    except ValueError as e:
        raise UnreadableError(f"The body is not valid JSON: {e}") from None


def write(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    if is_plain_output(operation):
        if None in result.values():
            result = {name: value for name, value in result.items() if value is not None}
        body = _encode(result)
    else:
        assert operation.output is not None
        body = _encode(json_values.write(operation.output, result))
    return HttpResponse(200, headers(operation.service, request_id), body)


def headers(service: Service | None, request_id: str) -> list[tuple[str, str]]:
    version = service.metadata.get("jsonVersion", "1.1") if service else "1.1"
    return [("content-type", f"application/x-amz-json-{version}"), ("x-amzn-requestid", request_id)]


def write_error(service: Service | None, error: AwsError, request_id: str) -> HttpResponse:
    tree, more = error_tree(service, error)
    return HttpResponse(error.status, headers(service, request_id) + more, _encode(tree))


def error_tree(service: Service | None, error: AwsError) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body of an error and the headers that go with it."""
    shape = errors.error_shape(service, error)
    found = errors.members(shape, error)
    more: list[tuple[str, str]] = []
    name = error.code
    if service is not None and "awsQueryCompatible" in service.metadata:
        name = shape.name if shape else error.code
        code = shape.own.get("error", {}).get("code", name) if shape else name
        more.append(("x-amzn-query-error", f"{code};{'Sender' if errors.is_senders(error) else 'Receiver'}"))
    return {"__type": name, **errors.tree(shape, found)}, more
