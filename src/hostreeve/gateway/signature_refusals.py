"""Why a signature is refused, in the words and codes of the protocol family that the caller speaks.

AWS has no single set of codes: services with JSON bodies say `InvalidSignatureException` where those with
query bodies say `SignatureDoesNotMatch`, EC2 says `AuthFailure`, and S3 has its own words for nearly all of
it. Codes and texts are what AWS's endpoints answer on the wire; SDKs and scripts compare them.
"""

from functools import cache

from hostreeve.api.errors import AwsError

MISSING = "missing"
INCOMPLETE = "incomplete"
MISMATCH = "mismatch"
SKEWED = "skewed"
UNKNOWN_KEY = "unknown key"
EXPIRED_TOKEN = "expired token"

_NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
_MISMATCH_TEXT = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)
_TEXTS = {
    MISSING: "Request is missing Authentication Token",
    INCOMPLETE: "The request signature does not conform to AWS standards.",
    MISMATCH: _MISMATCH_TEXT,
    SKEWED: "Request has expired.",
    UNKNOWN_KEY: "The security token included in the request is invalid.",
    EXPIRED_TOKEN: "The security token included in the request is expired",
}
_S3_TEXTS = {
    MISSING: "Access Denied",
    INCOMPLETE: "The authorization header that you provided is not valid.",
    MISMATCH: "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method.",
    SKEWED: "The difference between the request time and the current time is too large.",
    UNKNOWN_KEY: "The AWS Access Key Id you provided does not exist in our records.",
    EXPIRED_TOKEN: "The provided token has expired.",
}
_EC2_TEXTS = {**_TEXTS, MISMATCH: _NOT_VALIDATED, UNKNOWN_KEY: _NOT_VALIDATED, EXPIRED_TOKEN: _TEXTS[SKEWED]}

_JSON = {
    MISSING: ("MissingAuthenticationTokenException", 400),
    INCOMPLETE: ("IncompleteSignatureException", 400),
    MISMATCH: ("InvalidSignatureException", 400),
    SKEWED: ("InvalidSignatureException", 400),
    UNKNOWN_KEY: ("UnrecognizedClientException", 400),
    EXPIRED_TOKEN: ("ExpiredTokenException", 400),
}
_CODES = {
    "json": _JSON,
    "rest-json": {kind: (code, 403) for kind, (code, _) in _JSON.items()},
    "query": {
        MISSING: ("MissingAuthenticationToken", 403),
        INCOMPLETE: ("IncompleteSignature", 400),
        MISMATCH: ("SignatureDoesNotMatch", 403),
        SKEWED: ("SignatureDoesNotMatch", 403),
        UNKNOWN_KEY: ("InvalidClientTokenId", 403),
        EXPIRED_TOKEN: ("ExpiredToken", 403),
    },
    "ec2": {
        MISSING: ("MissingAuthenticationToken", 403),
        INCOMPLETE: ("IncompleteSignature", 400),
        MISMATCH: ("AuthFailure", 401),
        SKEWED: ("RequestExpired", 400),
        UNKNOWN_KEY: ("AuthFailure", 401),
        EXPIRED_TOKEN: ("RequestExpired", 400),
    },
    "s3": {
        MISSING: ("AccessDenied", 403),
        INCOMPLETE: ("AuthorizationHeaderMalformed", 400),
        MISMATCH: ("SignatureDoesNotMatch", 403),
        SKEWED: ("RequestTimeTooSkewed", 403),
        UNKNOWN_KEY: ("InvalidAccessKeyId", 403),
        EXPIRED_TOKEN: ("ExpiredToken", 400),
    },
}
_KIND_OF_CODE = {
    code: kind for codes in _CODES.values() for kind, (code, _) in codes.items() if kind != SKEWED
}
_KIND_OF_CODE |= {"AuthFailure": UNKNOWN_KEY, "AccessDenied": ""}


def refusal(kind: str, family: str, message: str = "") -> AwsError:
    """The error of that kind for `json`, `rest-json`, `query`, `ec2` or `s3`; others as `json`."""
    code, status = _CODES.get(family, _JSON)[kind]
    return error(code, status, message or _text(kind, family))


def in_words_of(family: str, refused: AwsError) -> AwsError:
    """The same refusal as that family names it; an error that refuses no signature comes back as it is."""
    kind = _KIND_OF_CODE.get(refused.code)
    if not kind:
        return refused
    code, status = _CODES.get(family, _JSON)[kind]
    return refused if code == refused.code else error(code, status, _text(kind, family))


def error(code: str, status: int, message: str) -> AwsError:
    """An error with a code that only this family knows."""
    return _type(code, status)(message)


@cache
def _type(code: str, status: int) -> type[AwsError]:
    return type(code, (AwsError,), {"code": code, "status": status})


def _text(kind: str, family: str) -> str:
    texts = {"ec2": _EC2_TEXTS, "s3": _S3_TEXTS}.get(family, _TEXTS)
    return texts[kind]
