"""Names of parameters: what may be one, what a caller means by one, and the ARN that policies know it by."""

import re
from dataclasses import dataclass
from functools import lru_cache

from hostreeve.kernel.scope import PARTITION, Scope

LEVELS_MAX = 15
ARN_CHARS_MAX = 1011
PUBLIC = "/aws/service/"
"""What the operator publishes for everyone lies below; it belongs to no account."""

_CHARS = re.compile(r"[A-Za-z0-9_.\-/]+")
_SELECTOR = re.compile(r"[A-Za-z0-9_.\-]{1,100}")
_RESERVED = ("aws", "ssm")

PREFIXED = (
    'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive). '
    "If formed as a path, it can consist of sub-paths divided by slash symbol; "
    "each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
)


@dataclass(frozen=True, slots=True)
class Named:
    """A parameter as a request names it.

    `path` is its key: the name with one slash before it. `account` and `region` are the owner's, `account` is
    empty for public parameters. `selector` is what stood behind the colon, with it (`:3`, `:prod`), or empty.
    """

    name: str
    path: str
    account: str
    region: str
    selector: str = ""

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:ssm:{self.region}:{self.account}:parameter{self.path}"

    @property
    def is_public(self) -> bool:
        return self.path.startswith(PUBLIC)


@lru_cache(maxsize=65_536)
def read(account: str, region: str, text: str) -> Named | None:
    """What `text` means to a caller of that account and Region: a name or an ARN, with or without a selector.

    None when no parameter can be called so.
    """
    text = text.strip(" ")
    owner = account
    if text.startswith("arn:"):
        parts = text.split(":", 5)
        if len(parts) < 6 or parts[2] != "ssm" or not parts[5].startswith("parameter/"):
            return None
        region, owner, text = parts[3], parts[4], parts[5].removeprefix("parameter")
    name, colon, selector = text.partition(":")
    if not _CHARS.fullmatch(name) or (colon and not _SELECTOR.fullmatch(selector)):
        return None
    path = name if name.startswith("/") else f"/{name}"
    if path.startswith(PUBLIC):
        owner = ""
    return Named(name, path, owner, region, colon + selector)


def arn_of(scope: Scope, text: str) -> str:
    """The ARN that policies name, whether or not such a parameter exists or could."""
    named = read(scope.account, scope.region, text)
    if named is not None:
        return named.arn
    return text if text.startswith("arn:") else scope.arn("ssm", f"parameter/{text.strip(' ').lstrip('/')}")


def path_arn(scope: Scope, path: str) -> str:
    """The ARN that GetParametersByPath is authorised on."""
    trimmed = path.rstrip("/") or "/"
    account = "" if f"{trimmed}/".startswith(PUBLIC) else scope.account
    return f"arn:{PARTITION}:ssm:{scope.region}:{account}:parameter{trimmed}"


def parent_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def wrong_with(named: Named | None) -> str:
    """Why no parameter may be created under that name, or nothing. Reserved and too deep ones: see below."""
    if named is None:
        return PREFIXED
    name = named.name
    if name.endswith("/") or "//" in name:
        return "Parameter name must not end with slash, nor have an empty level."
    if "/" in name and not name.startswith("/"):
        return "Parameter name must be a fully qualified name: one with levels begins with a slash."
    if len(named.arn) > ARN_CHARS_MAX:
        return f"Parameter name: its ARN can have at most {ARN_CHARS_MAX} characters."
    return ""


def is_reserved(named: Named) -> bool:
    """Whether the name begins as AWS's own do. What lies below /aws/service/ is the operator's to publish."""
    return named.path[1:].lower().startswith(_RESERVED) and not named.is_public


def is_closed(named: Named) -> bool:
    """Whether it is one of those reserved trees that AWS answers with a lack of access, not with a rule."""
    return named.path.lower().startswith("/aws") and named.path.count("/") > 1


def levels(named: Named) -> int:
    return named.path.count("/")
