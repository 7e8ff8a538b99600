"""What LookupEvents looks at in a record, and whether a record has what is looked for."""

from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from hostreeve.kernel.dated import date_of
from hostreeve.platform.audit.model.record import HEAD
from hostreeve.platform.audit.model.resources import Resource, taken_apart, type_of

ATTRIBUTES = (
    "EventId",
    "EventName",
    "ReadOnly",
    "Username",
    "ResourceType",
    "ResourceName",
    "EventSource",
    "AccessKeyId",
)


class Identity(msgspec.Struct, rename="camel"):
    """Of `userIdentity`, what names the caller."""

    type: str = ""
    user_name: str = ""
    arn: str = ""
    access_key_id: str = ""

    @property
    def name(self) -> str:
        """CloudTrail's Username: a user's name, a role's session, or root."""
        if self.type == "Root":
            return "root"
        return self.user_name or self.arn.rpartition("/")[2]


_RENAMED = {
    "event_id": "eventID",
    "name": "eventName",
    "source": "eventSource",
    "read_only": "readOnly",
    "region": "awsRegion",
    "account": "recipientAccountId",
    "is_management": "managementEvent",
    "identity": "userIdentity",
    "request_id": "requestID",
    "error_code": "errorCode",
}


class Facts(NamedTuple):
    """What records have in common that are found by the same."""

    name: str
    source: str
    read_only: bool
    username: str
    access_key_id: str
    arns: tuple[str, ...]

    def values(self) -> set[tuple[str, str]]:
        """Attributes and their values."""
        found = {
            ("EventName", self.name),
            ("EventSource", self.source),
            ("ReadOnly", "true" if self.read_only else "false"),
            ("Username", self.username),
            ("AccessKeyId", self.access_key_id),
        }
        for arn in self.arns:
            service, _, _, kind, _ = taken_apart(arn)
            found |= {("ResourceType", type_of(service, kind)), ("ResourceName", named(arn))}
        return {each for each in found if each[1]}


class Seen(msgspec.Struct, rename=_RENAMED):
    """The members of a record that it can be found by."""

    event_id: str
    name: str
    source: str
    read_only: bool
    region: str
    account: str
    is_management: bool
    identity: Identity
    request_id: str = ""
    error_code: str = ""
    resources: list[Resource] | None = None

    @property
    def at_ms(self) -> int:
        return date_of(self.event_id) or 0

    def facts(self) -> "Facts":
        """What it is found by. Event ids say their time, and need no more."""
        return Facts(
            self.name,
            self.source,
            self.read_only,
            self.identity.name,
            self.identity.access_key_id,
            tuple([each.arn for each in self.resources]) if self.resources else (),
        )

    def has(self, kind: str, value: str) -> bool:
        """Whether the attribute has this value; of a resource's name, its ARN is one too."""
        match kind:
            case "EventName":
                return self.name == value
            case "EventSource":
                return self.source == value
            case "EventId":
                return self.event_id == value
            case "ReadOnly":
                return self.read_only == (value == "true")
            case "Username":
                return self.identity.name == value
            case "AccessKeyId":
                return self.identity.access_key_id == value
            case "ResourceType":
                return any(each.type == value for each in self.resources or ())
            case _:
                wanted = named(value)
                is_arn = value.startswith("arn:")
                return any(
                    each.arn == value if is_arn else named(each.arn) == wanted
                    for each in self.resources or ()
                )


def named(text: str) -> str:
    """A resource's name, given as such or by its ARN. Parameters have their first slash or not."""
    return (taken_apart(text)[4] if text.startswith("arn:") else text).lstrip("/")


_decode: Any = msgspec.json.Decoder(Seen).decode


def seen(content: bytes) -> Seen | None:
    """The record's members; None for notes, and for what cannot be read any more."""
    if not content.startswith(HEAD):
        return None
    try:
        found: Seen = _decode(content)
    except (msgspec.DecodeError, ValueError):
        return None
    return found


class Filter(NamedTuple):
    """What is looked for: times in milliseconds, both included, and at most one attribute."""

    start_ms: int
    end_ms: int
    kind: str = ""
    value: str = ""
    before_id: str = ""
    """Only what comes after this id, in the order of answers: the latest first."""
    management_only: bool = True

    def takes(self, content: bytes) -> Seen | None:
        """The record's members if it is one of those that are looked for."""
        found = seen(content)
        if found is None or (self.management_only and not found.is_management):
            return None
        if not self.start_ms <= found.at_ms <= self.end_ms:
            return None
        if self.before_id and found.event_id >= self.before_id:
            return None
        return found if not self.kind or found.has(self.kind, self.value) else None

    def mark(self) -> bytes:
        """Bytes without which no record is one of those: looked for before anything is taken apart."""
        match self.kind:
            case "":
                return b""
            case "ReadOnly":
                return b'"readOnly":' + self.value.encode()
            case "Username" if self.value == "root":
                # An account's root, or somebody of that name.
                return b'oot"'
            case "ResourceName" if not self.value.startswith("arn:"):
                # Every name is a part of its ARN.
                return msgspec.json.encode(named(self.value))[1:-1]
            case _:
                return msgspec.json.encode(self.value)[1:-1]


def key_of(kind: str, value: str) -> int:
    """A number that stands for an attribute's value in the index. Two values may share one: what is found by
    it is looked at again."""
    digest = blake2b(f"{kind}\0{value}".encode(), digest_size=8, person=b"audit").digest()
    return int.from_bytes(digest, "big", signed=True)
