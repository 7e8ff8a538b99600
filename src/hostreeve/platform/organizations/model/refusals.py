"""What Organizations refuses, in AWS's words: the code, the sentence and the Reason beside it."""

from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service

error = ServiceErrors(service("organizations"))


def not_allowed() -> AwsError:
    """For what only the management account, or a delegated administrator, may do."""
    refused: AwsError = error.AccessDeniedException("You don't have permissions to access this resource.")
    return refused


def not_in_use() -> AwsError:
    refused: AwsError = error.AWSOrganizationsNotInUseException(
        "Your account is not a member of an organization."
    )
    return refused


def constraint(reason: str, message: str) -> AwsError:
    refused: AwsError = error.ConstraintViolationException(message, Reason=reason)
    return refused


def invalid(reason: str, message: str) -> AwsError:
    refused: AwsError = error.InvalidInputException(message, Reason=reason)
    return refused


def handshake_constraint(reason: str, message: str) -> AwsError:
    refused: AwsError = error.HandshakeConstraintViolationException(message, Reason=reason)
    return refused


def no_account() -> AwsError:
    refused: AwsError = error.AccountNotFoundException(
        "You specified an account that doesn't exist in this organization."
    )
    return refused


def no_unit() -> AwsError:
    refused: AwsError = error.OrganizationalUnitNotFoundException(
        "You specified an organizational unit that doesn't exist."
    )
    return refused


def no_parent() -> AwsError:
    refused: AwsError = error.ParentNotFoundException("You specified a parent that doesn't exist.")
    return refused


def no_target() -> AwsError:
    refused: AwsError = error.TargetNotFoundException("You specified a target that doesn't exist.")
    return refused
