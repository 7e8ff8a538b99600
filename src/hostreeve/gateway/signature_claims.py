"""What a request claims about who signed it: the Authorization header or a presigned query, taken apart."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import unquote_plus

from hostreeve.contract.sigv4 import ALGORITHM, amz_date
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.signature_refusals import INCOMPLETE, MISMATCH, MISSING, error, refusal

EXPIRES_MAX_S = 7 * 24 * 3600
OLD_REGION = "us-east-1"
REMEMBERED_LENGTH_MAX = 1024
"""Longer Authorization headers are taken apart each time, so that nobody fills the memory with them."""

_PARAMETERS = ("Credential", "Signature", "SignedHeaders")
_QUERY = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_BASIC_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII).fullmatch


class Malformed(Exception):
    """The claim cannot be read; the text says what is wrong with it, in AWS's words."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The part of a claim that stays the same from request to request."""

    access_key_id: str
    day: str
    region: str
    service: str
    terminator: str
    signed_headers: tuple[str, ...]
    signed: frozenset[str] = field(init=False)
    signed_list: str = field(init=False)
    """The names as they are signed: joined by semicolons."""
    scope: str = field(init=False)
    """What the signature is good for, as it is signed."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "signed", frozenset(self.signed_headers))
        object.__setattr__(self, "signed_list", ";".join(self.signed_headers))
        object.__setattr__(self, "scope", f"{self.day}/{self.region}/{self.service}/{self.terminator}")


@dataclass(slots=True)
class Claim:
    """Who says they signed, for what, and when. Nothing of it is proven before `verify`."""

    access_key_id: str
    region: str
    service: str
    session_token: str | None
    grant: Grant
    signature: str
    date: str
    family: str
    """The protocol family in which refusals are worded."""
    headers: dict[str, str] = field(repr=False)
    """Lower-case; several of one name joined by commas."""
    expires_s: int | None = None
    """Of a presigned request, from `date`."""
    presigned: bool = False
    expires_at_s: int | None = None
    """Of an address presigned by Signature Version 2 (S3 only), since the epoch."""
    wire_body: bytes | None = field(default=None, repr=False)
    """The body as it was sent, once `verify` has replaced it by what its chunks contain."""


def read(http: HttpRequest, family: str) -> Claim:
    """The claim of a request. Raises the family's error when there is none, or none that can be read."""
    headers = dict(http.headers)
    if len(headers) != len(http.headers):
        headers = _joined(http.headers)
    written = headers.get("authorization")
    if http.query and "&X-Amz-Algorithm=" in "&" + http.query:
        if written is not None:
            raise _two_claims(family)
        return _read_query(http, headers, family)
    if family == "s3" and "&AWSAccessKeyId=" in "&" + http.query:
        if written is not None:
            raise _two_claims(family)
        return _read_old_query(http, headers, family)
    if written is None or not written.startswith("AWS4-"):
        raise refusal(MISSING, family)
    try:
        return _read_header(written, headers, family)
    except Malformed as wrong:
        raise _malformed(family, str(wrong)) from None


def _read_header(written: str, headers: dict[str, str], family: str) -> Claim:
    date = headers.get("x-amz-date")
    prefix, found, signature = written.partition("Signature=")
    if not found or "," in signature or " " in signature or not date:
        prefix, signature, date = _unusual(written, headers)
    grant = _grant(prefix) if len(prefix) <= REMEMBERED_LENGTH_MAX else _grant.__wrapped__(prefix)
    seconds_of(date)
    return Claim(
        grant.access_key_id,
        grant.region,
        grant.service,
        headers.get("x-amz-security-token"),
        grant,
        signature,
        date,
        family,
        headers,
    )


def _unusual(written: str, headers: dict[str, str]) -> tuple[str, str, str]:
    """(prefix, signature, date) of a header in another order than usual, or with only a Date header."""
    parameters = _parameters(written)
    date = headers.get("x-amz-date") or headers.get("date") or ""
    wrong = [
        f"Authorization header requires '{name}' parameter." for name in _PARAMETERS if name not in parameters
    ]
    if not date:
        wrong.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if wrong:
        # The header is quoted without its signature: texts of errors end up in logs.
        raise Malformed(" ".join(wrong) + f" Authorization={written.partition('Signature=')[0]}")
    signature = parameters.pop("Signature")
    prefix = " ".join([written.split(" ", 1)[0]] + [f"{name}={value}," for name, value in parameters.items()])
    return prefix, signature, _basic_date(date)


def _parameters(written: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for part in re.split(r"[, ]+", written.strip(", "))[1:]:
        name, equals, value = part.partition("=")
        if not equals:
            raise Malformed(
                f"'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: "
                f"'{written.partition('Signature=')[0]}'."
            )
        parameters[name] = value
    return parameters


@lru_cache(maxsize=4096)
def _grant(prefix: str) -> Grant:
    """Everything before the signature. A caller repeats it all day, so it is taken apart once."""
    parameters = _parameters(prefix)
    missing = [name for name in ("Credential", "SignedHeaders") if name not in parameters]
    if missing:
        raise Malformed(
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
            + f" Authorization={prefix}"
        )
    return _granted(prefix.split(" ", 1)[0], parameters["Credential"], parameters["SignedHeaders"])


def _granted(algorithm: str, credential: str, signed: str) -> Grant:
    if algorithm != ALGORITHM:
        raise Malformed(f"Unsupported AWS 'algorithm': '{algorithm}' (only {ALGORITHM} for now). ")
    parts = credential.rstrip("/").split("/")
    if len(parts) < 5 or not all(parts):
        raise Malformed(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'"
        )
    # S3-compatible access keys may contain slashes; the four elements of the scope may not.
    access_key_id = "/".join(parts[:-4])
    names = tuple(signed.lower().split(";"))
    return Grant(access_key_id, parts[-4], parts[-3], parts[-2], parts[-1], names)


def _read_query(http: HttpRequest, headers: dict[str, str], family: str) -> Claim:
    parameters: dict[str, str] = {}
    for pair in http.query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("X-Amz-"):
            parameters.setdefault(name, unquote_plus(value))
    missing = [name for name in _QUERY if not parameters.get(name)]
    try:
        if missing:
            raise Malformed(_query_lacks(missing, family))
        grant = _granted(
            parameters["X-Amz-Algorithm"], parameters["X-Amz-Credential"], parameters["X-Amz-SignedHeaders"]
        )
        seconds_of(parameters["X-Amz-Date"])
        expires_s = _expires(parameters.get("X-Amz-Expires"), family)
    except Malformed as wrong:
        if family == "s3":
            raise error("AuthorizationQueryParametersError", 400, str(wrong)) from None
        raise refusal(INCOMPLETE, family, str(wrong)) from None
    if "x-amz-content-sha256" not in grant.signed:
        # In a presigned request the payload's hash counts only where the signature covers it.
        headers.pop("x-amz-content-sha256", None)
        if "X-Amz-Content-Sha256" in parameters:
            headers["x-amz-content-sha256"] = parameters["X-Amz-Content-Sha256"]
    return Claim(
        grant.access_key_id,
        grant.region,
        grant.service,
        parameters.get("X-Amz-Security-Token") or headers.get("x-amz-security-token"),
        grant,
        parameters["X-Amz-Signature"],
        parameters["X-Amz-Date"],
        family,
        headers,
        expires_s,
        presigned=True,
    )


def _read_old_query(http: HttpRequest, headers: dict[str, str], family: str) -> Claim:
    """Signature Version 2 knows no Region and no service: it is S3's, in the Region that all began with."""
    found = {
        name: unquote_plus(value)
        for name, _, value in (pair.partition("=") for pair in http.query.split("&"))
        if name in ("AWSAccessKeyId", "Signature", "Expires", "x-amz-security-token")
    }
    key, signature, expires = (found.get(name, "") for name in ("AWSAccessKeyId", "Signature", "Expires"))
    if not key or not signature or not re.fullmatch(r"\d{1,18}", expires, re.ASCII):
        raise error(
            "AccessDenied",
            403,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
        )
    grant = Grant(key, "", OLD_REGION, "s3", "", ())
    token = found.get("x-amz-security-token")
    return Claim(
        key,
        OLD_REGION,
        "s3",
        token,
        grant,
        signature,
        "",
        family,
        headers,
        presigned=True,
        expires_at_s=int(expires),
    )


def _query_lacks(missing: list[str], family: str) -> str:
    if family == "s3":
        return (
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    lacks = " ".join(f"AWS query-string parameters must include '{name}'." for name in missing)
    return lacks + " Re-examine the query-string parameters."


def _expires(written: str | None, family: str) -> int | None:
    if written is None:
        if family == "s3":
            raise Malformed(_query_lacks(["X-Amz-Expires"], family))
        return None
    if not re.fullmatch(r"-?\d{1,18}", written, re.ASCII):
        raise Malformed("X-Amz-Expires should be a number")
    expires_s = int(written)
    if expires_s < 0:
        raise Malformed("X-Amz-Expires must be non-negative")
    if expires_s > EXPIRES_MAX_S:
        raise Malformed(f"X-Amz-Expires must be less than a week (in seconds) that is {EXPIRES_MAX_S}")
    return expires_s


@lru_cache(maxsize=1024)
def seconds_of(date: str) -> int:
    """Seconds since the epoch of a YYYYMMDDThhmmssZ date. Malformed when it is none."""
    if len(date) <= 16 and _BASIC_DATE(date):
        try:
            return int(datetime.strptime(date, "%Y%m%dT%H%M%S%z").timestamp())
        except ValueError:
            pass
    raise Malformed(
        f"Date must be in ISO-8601 'basic format'. Got '{date[:64]}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


def _basic_date(written: str) -> str:
    """A Date header may be as RFC 9110 has it; what was signed is its basic form."""
    if _BASIC_DATE(written):
        return written
    try:
        return amz_date(int(parsedate_to_datetime(written).timestamp()) * 1000)
    except (ValueError, OverflowError, TypeError):
        return written


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _malformed(family: str, what: str) -> Exception:
    if family != "s3":
        return refusal(INCOMPLETE, family, what)
    if what.startswith("Unsupported AWS"):
        return error(
            "InvalidRequest",
            400,
            f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.",
        )
    if "existence of either" in what or what.startswith("Date must be"):
        return error("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header")
    return refusal(INCOMPLETE, family, f"The authorization header is malformed; {what}")


def _two_claims(family: str) -> Exception:
    if family == "s3":
        return error(
            "InvalidArgument",
            400,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
            "string parameter or the Authorization header should be specified",
        )
    return refusal(
        MISMATCH,
        family,
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    )
