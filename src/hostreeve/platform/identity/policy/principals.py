"""Who asks, and the Principal element that says whom a resource's policy speaks of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

_ACCOUNT = re.compile(r"(?:arn:[\w-]+:iam::)?(?P<account>\d{12})(?::root)?")
_ARN = re.compile(r"arn:[\w-]+:(?:iam|sts)::\d{12}:(?:user|role|assumed-role|federated-user)/[\w+=,.@/-]+")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}(?::[\w+=,.@-]{2,64})?")
"""What AWS gave a user or role; of a role's session, with its name."""
_SERVICE = re.compile(r"[\w.-]+\.[\w.-]+")
_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")


class Who(NamedTuple):
    """One caller. `role_arn` is set for a role's session; a service has neither account nor ARN, nor has whom
    an identity provider vouches for (`federated`, its ARN)."""

    account: str = ""
    arn: str = ""
    role_arn: str = ""
    service: str = ""
    id: str = ""
    federated: str = ""

    def __str__(self) -> str:
        return self.arn or self.service or self.federated


class Named(IntEnum):
    """How directly a Principal element names a caller, weakest first.

    NOBODY: not at all. ACCOUNT: its account, whose own policies then decide. EVERYONE: a star. ROLE: the role
    behind the session. ITSELF: the very user, session or service.
    """

    NOBODY = 0
    ACCOUNT = 1
    EVERYONE = 2
    ROLE = 3
    ITSELF = 4


@dataclass(frozen=True, slots=True)
class Principals:
    """A compiled Principal element."""

    everyone: bool
    accounts: frozenset[str]
    names: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str] = frozenset()

    def naming(self, who: Who) -> Named:
        """The strongest way in which the caller is named."""
        if who.service or who.federated:
            if who.service in self.services or who.federated in self.federated:
                return Named.ITSELF
            return Named.EVERYONE if self.everyone else Named.NOBODY
        if who.arn in self.names or (who.id and who.id in self.names):
            return Named.ITSELF
        if who.role_arn and (who.role_arn in self.names or who.id.partition(":")[0] in self.names):
            return Named.ROLE
        if self.everyone:
            return Named.EVERYONE
        return Named.ACCOUNT if who.account in self.accounts else Named.NOBODY


def read(element: Any) -> Principals:
    """Compile a Principal or NotPrincipal element. ValueError when it is none."""
    if element == "*":
        return Principals(True, frozenset(), frozenset(), frozenset())
    if not isinstance(element, Mapping) or not element:
        raise ValueError('must be "*" or an object of AWS, Service, Federated or CanonicalUser')
    unknown = [kind for kind in element if kind not in _KINDS]
    if unknown:
        raise ValueError(f"knows no kind {unknown[0]!r}")
    named = {kind: _texts(kind, element.get(kind, [])) for kind in _KINDS}
    aws = named["AWS"]
    accounts = {m["account"] for text in aws if (m := _ACCOUNT.fullmatch(text))}
    names = {text for text in aws if text != "*" and not _ACCOUNT.fullmatch(text)}
    for text in names:
        if not (_ARN.fullmatch(text) or _UNIQUE_ID.fullmatch(text)):
            raise ValueError(f'Invalid principal in policy: "AWS":"{text}"')
    for text in named["Service"]:
        if not _SERVICE.fullmatch(text):
            raise ValueError(f'Invalid principal in policy: "SERVICE":"{text}"')
    return Principals(
        "*" in aws,
        frozenset(accounts),
        frozenset(names),
        frozenset(named["Service"]),
        frozenset(named["Federated"]),
    )


def _texts(kind: str, given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise ValueError(f"{kind} must be a text or a list of texts")
    return texts
