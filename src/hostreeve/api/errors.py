"""AWS errors, named by AWS. A code the service model does not know cannot be raised."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.service_models import Service

COMMON = {
    "AccessDeniedException": 400,
    "ExpiredTokenException": 400,
    "IncompleteSignature": 400,
    "InternalFailure": 500,
    "InvalidClientTokenId": 403,
    "InvalidSignatureException": 400,
    "MissingAuthenticationToken": 403,
    "NotImplemented": 501,
    "OptInRequired": 403,
    "RequestEntityTooLarge": 413,
    "RequestExpired": 400,
    "SerializationException": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "ThrottlingException": 400,
    "UnknownOperationException": 400,
    "UnrecognizedClientException": 400,
    "ValidationException": 400,
}
"""Codes that every service may answer, with their HTTP status (AWS: Common Error Types)."""


class AwsError(Exception):
    """An answer that is an error: its code, HTTP status, message and further members of the error shape."""

    code = "InternalFailure"
    status = 500

    why: Mapping[str, object] | None = None
    """Of a denial, what was heard for and against it; callers are not told."""

    def __init__(self, message: str = "", **members: object) -> None:
        super().__init__(message)
        self.message = message
        self.members = members


class ServiceErrors:
    """`error = ServiceErrors(model)`; `raise error.ParameterNotFound("…")`. An unknown code is an
    AttributeError."""

    def __init__(self, model: Service) -> None:
        self._types = {code: _error_type(code, status) for code, status in COMMON.items()}
        for name, shape in model.shapes.items():
            if shape.get("exception"):
                code = shape.get("error", {}).get("code", name)
                status = shape.get("error", {}).get("httpStatusCode", 500 if shape.get("fault") else 400)
                self._types[name] = self._types[code] = _error_type(code, status)

    def __getattr__(self, code: str) -> type[AwsError]:
        try:
            return self._types[code]
        except KeyError:
            raise AttributeError(f"AWS has no error {code} here") from None


def _error_type(code: str, status: int) -> type[AwsError]:
    return type(code, (AwsError,), {"code": code, "status": status})


class _Common:
    """The errors common to all services: `raise common.ValidationException("…")`."""

    def __getattr__(self, code: str) -> type[AwsError]:
        if code not in COMMON:
            raise AttributeError(f"{code} is not one of AWS's common errors")
        return _error_type(code, COMMON[code])


common: Any = _Common()
