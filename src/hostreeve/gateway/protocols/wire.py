"""From bytes to a request and from an answer to bytes, whatever protocol a client speaks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostreeve.api.errors import AwsError, common
from hostreeve.api.service_models import OperationModel, Service
from hostreeve.api.validation import problems
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.protocols import cbor_rpc, ec2, json_rpc, query, rest_json, rest_xml
from hostreeve.gateway.protocols.bodies import is_packable, refuse_zero_characters, unpacked
from hostreeve.gateway.protocols.refusals import UnreadableError, invalid, unreadable

_READERS: dict[str, Any] = {
    "json": json_rpc.read,
    "query": query.read,
    "ec2": ec2.read,
    "smithy-rpc-v2-cbor": cbor_rpc.read,
}
_REST_READERS: dict[str, Any] = {"rest-json": rest_json.read, "rest-xml": rest_xml.read}
_WRITERS: dict[str, Any] = {
    "json": json_rpc,
    "query": query,
    "ec2": ec2,
    "smithy-rpc-v2-cbor": cbor_rpc,
    "rest-json": rest_json,
    "rest-xml": rest_xml,
}


def read_request(
    operation: OperationModel, http: HttpRequest, labels: Mapping[str, str], protocol: str | None = None
) -> dict[str, Any]:
    """The parsed and validated request: the model's member names, float epoch seconds, bytes.

    `labels` are the decoded path labels that the router found. Raises an AwsError in the service's own words.
    """
    spoken = protocol or operation.service.protocols[0]
    if spoken == "json":
        valid = json_rpc.read_valid(operation, http)
        if valid is not None:
            return valid
    try:
        request = _read(operation, http, labels, spoken)
        refuse_zero_characters(request)
        _check(operation, request)
    except UnreadableError as e:
        raise unreadable(spoken, str(e)) from None
    except RecursionError:
        raise unreadable(spoken, "The body is nested too deeply") from None
    return request


def _read(
    operation: OperationModel, http: HttpRequest, labels: Mapping[str, str], spoken: str
) -> dict[str, Any]:
    """The request as its types say, before its constraints are looked at."""
    if operation.is_stream:
        raise common.NotImplemented(f"{operation.name} is an event stream, which Hostreeve does not serve.")
    if is_packable(operation):
        http = replace(http, body=unpacked(http))
    if spoken in _READERS:
        found = _READERS[spoken](operation, http)
    else:
        found = _REST_READERS[spoken](operation, http, labels)
    return dict(found)


def write_response(
    operation: OperationModel, result: dict[str, Any], request_id: str, protocol: str | None = None
) -> HttpResponse:
    """The answer. A member that is None counts as absent (clients take JSON's null for that)."""
    response: HttpResponse = _WRITERS[_answered(operation.service, protocol)].write(
        operation, result, request_id
    )
    return response


def write_error(
    service: Service | None, error: AwsError, request_id: str, protocol: str | None = None
) -> HttpResponse:
    """An error as the service's clients expect it; without a service, as the protocol alone has it."""
    spoken = _answered(service, protocol) if service else protocol or "json"
    response: HttpResponse = _WRITERS[spoken].write_error(service, error, request_id)
    return response


def _check(operation: OperationModel, request: dict[str, Any]) -> None:
    shape = operation.input
    if shape is not None:
        failed = problems(shape, request)
        if failed:
            raise invalid(operation.service, failed, request, shape)


def _answered(service: Service, protocol: str | None) -> str:
    """The protocol of the answer; ssmmessages takes JSON and gives XML."""
    return str(service.metadata.get("outputProtocol") or protocol or service.protocols[0])
