"""What every protocol needs to know of an error before it writes it."""

from typing import Any

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import Service, Shape


def error_shape(service: Service | None, error: AwsError) -> Shape | None:
    """The model's shape for an error, if the service has one of that code."""
    return service.errors.get(error.code) if service else None


def members(shape: Shape | None, error: AwsError, default: str = "message") -> dict[str, Any]:
    """The error's members with its text under the name that the model gives it."""
    name = default
    if shape is not None:
        name = next((n for n in shape.members if n.lower() == "message"), default)
    return {name: error.message, **{k: v for k, v in error.members.items() if v is not None}}


def is_senders(error: AwsError) -> bool:
    """Whether the fault is the caller's."""
    return error.status < 500
