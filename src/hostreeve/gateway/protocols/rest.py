"""What the REST protocols share: members in the path, the query string, the headers and the status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from hostreeve.api.service_models import OperationModel, Shape
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.protocols import text_values
from hostreeve.gateway.protocols.refusals import UnreadableError

ReadBody = Callable[[Shape, bytes], Any]
Query = dict[str, list[str]]


def read(
    operation: OperationModel, http: HttpRequest, labels: Mapping[str, str], read_body: ReadBody
) -> dict[str, Any]:
    """The request. `read_body(shape, body)` reads a body that holds a structure."""
    shape = operation.input
    if shape is None:
        return {}
    parts = _Parts(labels, parameters(http.query), _headers(http))
    found: dict[str, Any] = {}
    for name, member, wire in shape.located:
        value = _located(member, wire, parts)
        if value is not None:
            found[name] = value
    _drop_bound(operation, shape, found)
    if shape.payload is not None:
        _read_payload(shape, shape.payload, http.body, found, read_body)
    elif http.body and len(shape.located) < len(shape.members):
        found.update(read_body(shape, http.body))
    return found


def parameters(query: str) -> Query:
    """The values of each name of a query string."""
    found: Query = {}
    try:
        for name, value in parse_qsl(query, keep_blank_values=True, errors="strict"):
            found.setdefault(name, []).append(value)
    except ValueError:
        raise UnreadableError("The query string is not valid UTF-8") from None
    return found


def literal_parameters(operation: OperationModel) -> Query:
    """The part of the query string that the operation's template prescribes."""
    return parameters(operation.request_uri.partition("?")[2])


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a request has outside its body; headers of one name are joined."""

    labels: Mapping[str, str]
    query: Query
    headers: Mapping[str, str]


def _headers(http: HttpRequest) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in http.headers:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _located(member: Shape, wire: str, parts: _Parts) -> Any:
    match member.location:
        case "uri":
            return text_values.read(member, parts.labels[wire]) if wire in parts.labels else None
        case "querystring":
            return _from_query(member, wire, parts.query)
        case "header":
            text = parts.headers.get(wire.lower())
            return None if text is None else text_values.read_header(member, text)
        case "headers":
            prefix = wire.lower()
            found = {k[len(prefix) :]: v for k, v in parts.headers.items() if k.startswith(prefix)}
            return found or None
    return None


def _from_query(member: Shape, wire: str, query: Query) -> Any:
    if member.type == "map":
        several = member.value.type == "list"
        return {k: v if several else v[0] for k, v in query.items()} or None
    values = query.get(wire)
    if values is None:
        return None
    if member.type == "list":
        return [text_values.read(member.member, v) for v in values]
    return text_values.read(member, values[0])


def _drop_bound(operation: OperationModel, shape: Shape, found: dict[str, Any]) -> None:
    """A map of all query parameters does not hold those that other members or the template are bound to."""
    for name, member, _ in shape.located:
        if member.type == "map" and member.location == "querystring" and name in found:
            bound = {wire for _, m, wire in shape.located if m.location == "querystring"}
            bound |= set(literal_parameters(operation))
            left = {k: v for k, v in found[name].items() if k not in bound and not k.startswith("X-Amz-")}
            if left:
                found[name] = left
            else:
                del found[name]


def _read_payload(shape: Shape, name: str, body: bytes, found: dict[str, Any], read_body: ReadBody) -> None:
    member = shape.members[name]
    if member.type in ("blob", "string"):
        if body or name in shape.required:
            found[name] = body if member.type == "blob" else _text(body)
    elif body.strip():
        found[name] = read_body(member, body)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise UnreadableError("The body is not valid UTF-8") from None


def write_located(shape: Shape, result: Mapping[str, Any]) -> tuple[int | None, list[tuple[str, str]]]:
    """The status, if a member holds it, and the headers of an answer."""
    status: int | None = None
    headers: list[tuple[str, str]] = []
    for name, member, wire_name in shape.located:
        value = result.get(name)
        if value is None:
            continue
        wire = wire_name.lower()
        if member.location == "header":
            headers.append((wire, text_values.write_header(member, value)))
        elif member.location == "headers":
            headers.extend((wire + text_values.clean(k), text_values.clean(v)) for k, v in value.items())
        elif member.location == "statusCode":
            status = int(value)
    return status, headers


def body_members(shape: Shape, result: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an answer that travel in its body."""
    return {n: v for n, v in result.items() if n in shape.members and shape.members[n].location is None}


def raw_payload(value: Any) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else bytes(value)


def has_content_type(headers: list[tuple[str, str]]) -> bool:
    return any(name == "content-type" for name, _ in headers)
