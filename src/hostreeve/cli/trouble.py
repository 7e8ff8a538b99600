"""What can go wrong between the operator and the server, each with the next step to take."""

from __future__ import annotations

EXIT_SUCCESS = 0
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_SENT = 3
EXIT_LOST_SIGHT = 4
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141


class Trouble(Exception):
    """A sentence for the operator and, where there is one, the next step."""

    exit_status = EXIT_SOME_FAILED

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class UsageTrouble(Trouble):
    """The command line itself is wrong."""

    exit_status = EXIT_USAGE


class NoAnswer(Trouble):
    """The server could not be reached, or its answer cannot be trusted or read. Waiting may help."""


class Refused(Trouble):
    """The server answered with an AWS error: its code, HTTP status and message."""

    def __init__(self, code: str, status: int, message: str, next_step: str = "") -> None:
        super().__init__(message, next_step)
        self.code = code
        self.status = status


def refusal(operation: str, code: str, status: int, message: str) -> Refused:
    """The error an answer means, worded for an operator; `message` is the server's own text."""
    text = f"{operation} was refused: {code}" + (f": {message}" if message else "")
    return Refused(code, status, text, _NEXT_STEPS.get(code, ""))


_KEY_UNKNOWN = (
    "The access key is not known to this server. Source the `admin.env` of its state folder, "
    "or check AWS_ACCESS_KEY_ID, AWS_PROFILE and ~/.aws/credentials."
)
_KEY_WRONG = (
    "The secret access key does not fit the access key. Check AWS_SECRET_ACCESS_KEY (and that no old "
    "AWS_SESSION_TOKEN is left over), or source `admin.env` again."
)
_TOO_OLD = "Compare the clocks of both machines (`hostreeve doctor` does); a request lives 15 minutes."
_FORBIDDEN = (
    "An administrator can allow it: attach an IAM policy with this action to the principal named above."
)

_NEXT_STEPS = {
    "UnrecognizedClientException": _KEY_UNKNOWN,
    "InvalidClientTokenId": _KEY_UNKNOWN,
    "InvalidSignatureException": _KEY_WRONG,
    "SignatureDoesNotMatch": _KEY_WRONG,
    "IncompleteSignature": _KEY_WRONG,
    "MissingAuthenticationToken": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    "MissingAuthenticationTokenException": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    "RequestExpired": _TOO_OLD,
    "ExpiredToken": "The temporary credentials have run out: obtain new ones.",
    "ExpiredTokenException": "The temporary credentials have run out: obtain new ones.",
    "AccessDenied": _FORBIDDEN,
    "AccessDeniedException": _FORBIDDEN,
    "InvalidInstanceId": "`hostreeve nodes` lists the nodes of this account and Region.",
    "InvalidDocument": "`aws ssm list-documents` lists the documents of this account and Region.",
    "InvalidParameters": "`aws ssm describe-document --name DOCUMENT` lists the parameters it takes.",
    "NotImplemented": "docs/reference/coverage.md lists the operations; a newer release may have more.",
    "UnknownOperationException": "Is AWS_ENDPOINT_URL really the address of a Hostreeve server?",
}
