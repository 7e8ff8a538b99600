"""Requests as people write them in documents, made into what a model asks for, and answers as they read them.

A list of one where a text is wanted, a text where a number is, a name whose first letter has the wrong case:
runbooks mix such up, because what they put in comes from other answers.
"""

import base64
from datetime import UTC, datetime
from typing import Any

from hostreeve.api.service_models import OperationModel, Shape
from hostreeve.api.validation import problems
from hostreeve.gateway.protocols import json_values
from hostreeve.gateway.protocols.bodies import refuse_zero_characters
from hostreeve.gateway.protocols.refusals import UnreadableError, invalid, unreadable


def read(operation: OperationModel, given: dict[str, Any]) -> dict[str, Any]:
    """The validated request. AwsError in the service's own words."""
    shape = operation.input
    if shape is None:
        return {}
    try:
        request: dict[str, Any] = json_values.read(shape, _fitted(shape, given))
        refuse_zero_characters(request)
    except UnreadableError as e:
        raise unreadable(operation.service.protocols[0], str(e)) from None
    failed = problems(shape, request)
    if failed:
        raise invalid(operation.service, failed, request, shape)
    return request


def unknown(operation: OperationModel, given: dict[str, Any]) -> list[str]:
    """Members that the operation has not."""
    shape = operation.input
    names = {name.lower() for name in shape.members} if shape else set()
    return sorted(name for name in given if name.lower() not in names)


def written(operation: OperationModel, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as JSON by the model's names: times as ISO 8601, bytes as Base64."""
    shape = operation.output
    found: dict[str, Any] = _shown(shape, answer) if shape is not None else {}
    return found


def _fitted(shape: Shape, value: Any) -> Any:
    match shape.type:
        case "structure":
            return _structure(shape, value)
        case "list":
            listed = value if isinstance(value, list) or value is None else [value]
            return listed and [_fitted(shape.member, item) for item in listed]
        case "map":
            if isinstance(value, dict):
                return {str(key): _fitted(shape.value, item) for key, item in value.items()}
            return value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return _scalar(shape.type, value)


def _structure(shape: Shape, value: Any) -> Any:
    if shape.is_document or not isinstance(value, dict):
        return value
    known = {name.lower(): name for name in shape.members}
    found = {}
    for name, item in value.items():
        member = name if name in shape.members else known.get(name.lower())
        if member is not None and item is not None:
            one = shape.members[member]
            found[one.wire_name or member] = _fitted(one, item)
    return found


def _scalar(kind: str, value: Any) -> Any:
    if kind in ("string", "character") and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind in ("integer", "long") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value[:20])
    if kind in ("float", "double") and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _shown(shape: Shape, value: Any) -> Any:
    if value is None:
        return None
    match shape.type:
        case "structure":
            if shape.is_document or not isinstance(value, dict):
                return value
            members = shape.members
            return {n: _shown(members[n], v) for n, v in value.items() if n in members and v is not None}
        case "list":
            return [_shown(shape.member, item) for item in value]
        case "map":
            return {key: _shown(shape.value, item) for key, item in value.items()}
        case "timestamp" if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
        case "blob" if isinstance(value, bytes):
            return base64.b64encode(value).decode()
    return value
