"""REST with JSON bodies."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel, Service, Shape
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.protocols import errors, json_rpc, json_values, rest
from hostreeve.gateway.protocols.refusals import unsupported_media

_encode = msgspec.json.Encoder().encode


def read(operation: OperationModel, http: HttpRequest, labels: Mapping[str, str]) -> dict[str, Any]:
    _check_content_type(operation, http)
    return rest.read(operation, http, labels, _read_body)


def _check_content_type(operation: OperationModel, http: HttpRequest) -> None:
    shape = operation.input
    given = http.header("content-type")
    if shape is None or not http.body or not given:
        return
    if shape.payload and shape.members[shape.payload].type in ("blob", "string"):
        return
    kind = given.partition(";")[0].strip().lower()
    if kind not in ("application/json", "application/octet-stream") and not kind.startswith(
        "application/x-amz-json"
    ):
        raise unsupported_media(given)


def _read_body(shape: Shape, body: bytes) -> Any:
    tree = json_rpc.parsed(body)
    if shape.type == "structure" and isinstance(tree, dict):
        # Members that travel elsewhere are not read from the body, even if it names them.
        elsewhere = {wire for _, _, wire in shape.located}
        tree = {k: v for k, v in tree.items() if k not in elsewhere} if elsewhere else tree
    return json_values.read(shape, tree)


def write(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    shape = operation.output
    if shape is None:
        return HttpResponse(operation.status, _headers(request_id), b"")
    status, headers = rest.write_located(shape, result)
    body = _body(shape, result)
    structured = shape.payload is None or shape.members[shape.payload].type not in ("blob", "string")
    if not rest.has_content_type(headers):
        headers.append(("content-type", "application/json" if structured else "application/octet-stream"))
    headers.append(("x-amzn-requestid", request_id))
    return HttpResponse(status or operation.status, headers, body)


def _body(shape: Shape, result: Mapping[str, Any]) -> bytes:
    if shape.payload is None:
        found = rest.body_members(shape, result)
        # 204 has no body, and neither has an answer whose shape keeps nothing for it.
        return _encode(json_values.write(shape, found)) if found or _has_body(shape) else b""
    member = shape.members[shape.payload]
    value = result.get(shape.payload)
    if member.type in ("blob", "string"):
        return rest.raw_payload(value)
    return b"" if value is None else _encode(json_values.write(member, value))


def _has_body(shape: Shape) -> bool:
    return len(shape.located) < len(shape.members)


def write_error(service: Service | None, error: AwsError, request_id: str) -> HttpResponse:
    shape = errors.error_shape(service, error)
    found = errors.members(shape, error)
    status, headers = rest.write_located(shape, found) if shape else (None, [])
    if shape is not None:
        found = {k: v for k, v in found.items() if k not in shape.members or not shape.members[k].location}
    headers += [*_headers(request_id), ("x-amzn-errortype", error.code)]
    return HttpResponse(status or error.status, headers, _encode(errors.tree(shape, found)))


def _headers(request_id: str) -> list[tuple[str, str]]:
    return [("content-type", "application/json"), ("x-amzn-requestid", request_id)]
