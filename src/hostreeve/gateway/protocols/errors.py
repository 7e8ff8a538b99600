"""What every protocol needs to know of an error before it writes it."""

from typing import Any

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import Service, Shape
from hostreeve.gateway.protocols import json_values


def error_shape(service: Service | None, error: AwsError) -> Shape | None:
    """The model's shape for an error, if the service has one of that code."""
    return service.errors.get(error.code) if service else None


def members(shape: Shape | None, error: AwsError, default: str = "message") -> dict[str, Any]:
    """The error's members with its text under the name that the model gives it."""
    found = {k: v for k, v in error.members.items() if v is not None}
    found.setdefault(message_member(shape) or default, error.message)
    return found


def message_member(shape: Shape | None) -> str | None:
    """The member that the model has for the text, if it has one."""
    return next((n for n in shape.members if n.lower() == "message"), None) if shape else None


def tree(shape: Shape | None, found: dict[str, Any]) -> dict[str, Any]:
    """The body of a JSON error; its text is there even where the model forgot it."""
    if shape is None:
        return found
    written: dict[str, Any] = json_values.write(shape, found)
    if message_member(shape) is None and "message" in found:
        written["message"] = found["message"]
    return written


def is_senders(error: AwsError) -> bool:
    """Whether the fault is the caller's."""
    return error.status < 500
