"""The errors of kms, and the sentences that several operations refuse with."""

from typing import Any

from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service

MODEL = service("kms")
error: Any = ServiceErrors(MODEL)

DENIED = "AccessDeniedException"


def dry_run() -> AwsError:
    refused: AwsError = error.DryRunOperationException(
        "The request would have succeeded, but the DryRun option is set."
    )
    return refused


def unsupported(what: str) -> AwsError:
    refused: AwsError = error.UnsupportedOperationException(f"Hostreeve has no {what}.")
    return refused


def invalid(text: str) -> AwsError:
    refused: AwsError = error.ValidationException(text)
    return refused


def unknown_arn(operation: str, text: str) -> AwsError:
    """InvalidArnException where the operation declares it, else NotFoundException, as AWS does."""
    known = MODEL.operation(operation).error_shapes if operation in MODEL.operation_names else ()
    kind = error.InvalidArnException if "InvalidArnException" in known else error.NotFoundException
    refused: AwsError = kind(f"Invalid arn {text}")
    return refused
