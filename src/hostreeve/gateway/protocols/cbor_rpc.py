"""Smithy RPC v2 with CBOR bodies: the operation in the path."""

from typing import Any

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel, Service, Shape
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.protocols import cbor, json_rpc, json_values
from hostreeve.gateway.protocols.refusals import unsupported_media

NAME = "smithy-rpc-v2-cbor"


def read(operation: OperationModel, http: HttpRequest) -> dict[str, Any]:
    content_type = http.header("content-type")
    if http.body and content_type and content_type.partition(";")[0].strip().lower() != "application/cbor":
        raise unsupported_media(content_type)
    tree = cbor.decode(http.body) if http.body else {}
    if operation.input is None:
        return {}
    found: dict[str, Any] = json_values.read(operation.input, tree)
    return found


def write(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    shape = operation.output
    body = cbor.encode(_tree(shape, result)) if shape else b""
    return HttpResponse(200, _headers(request_id), body)


def write_error(service: Service | None, error: AwsError, request_id: str) -> HttpResponse:
    tree, more = json_rpc.error_tree(service, error)
    return HttpResponse(error.status, _headers(request_id) + more, cbor.encode(tree))


def _headers(request_id: str) -> list[tuple[str, str]]:
    return [
        ("smithy-protocol", "rpc-v2-cbor"),
        ("content-type", "application/cbor"),
        ("x-amzn-requestid", request_id),
    ]


def _tree(shape: Shape, value: Any) -> Any:
    if value is None:
        return None
    match shape.type:
        case "structure":
            return {
                shape.members[n].wire_name or n: _tree(shape.members[n], v)
                for n, v in value.items()
                if v is not None and n in shape.members
            }
        case "list":
            return [_tree(shape.member, item) for item in value]
        case "map":
            return {k: _tree(shape.value, v) for k, v in value.items()}
        case "timestamp":
            return cbor.Time(value)
        case "float" | "double":
            return float(value)
    return value
