"""A group: its name, what it says of itself, and by what its members are chosen."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.kernel.scope import Scope
from hostreeve.platform.groups.model import queries
from hostreeve.platform.groups.model.queries import Query

error = ServiceErrors(service("resource-groups"))

GENERIC = "AWS::ResourceGroups::Generic"
ALLOWED_TYPES, PROTECTION, UNLESS_EMPTY = "allowed-resource-types", "deletion-protection", "UNLESS_EMPTY"

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,300}")
_RESERVED = "aws"


class Group(Struct, frozen=True, kw_only=True):
    """A group as stored. Exactly one of `query_type` (with `query`) and `configuration` is there."""

    account: str
    region: str
    name: str
    description: str = ""
    owner: str = ""
    display_name: str = ""
    criticality: int = 0
    query_type: str = ""
    query: str = ""
    configuration: str = ""
    created_ms: int

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def arn(self) -> str:
        return group_arn(self.scope, self.name)

    @property
    def resource_query(self) -> dict[str, str] | None:
        return {"Type": self.query_type, "Query": self.query} if self.query_type else None

    @property
    def read_query(self) -> Query | None:
        """The query, read; None of a group whose members are named one by one."""
        asked = self.resource_query
        return queries.read(asked) if asked else None

    @property
    def configured(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = msgspec.json.decode(self.configuration) if self.configuration else []
        return found

    def parameter(self, name: str) -> list[str]:
        """The values of a parameter of the configuration."""
        return [
            value
            for item in self.configured
            for parameter in item.get("Parameters", [])
            if parameter["Name"] == name
            for value in parameter.get("Values", [])
        ]

    def described(self) -> dict[str, Any]:
        """The shape Group."""
        shown: dict[str, Any] = {"GroupArn": self.arn, "Name": self.name, "Description": self.description}
        further = {"Owner": self.owner, "DisplayName": self.display_name, "Criticality": self.criticality}
        return shown | {name: value for name, value in further.items() if value}


def group_arn(scope: Scope, name: str) -> str:
    return scope.arn("resource-groups", f"group/{name}")


def name_of(scope: Scope, name_or_arn: str) -> str | None:
    """The name that a request means; None when it is the ARN of another account's or Region's group."""
    if not name_or_arn.startswith("arn:"):
        return name_or_arn
    prefix = group_arn(scope, "")
    return name_or_arn.removeprefix(prefix) if name_or_arn.startswith(prefix) else None


def arn_of(scope: Scope, name_or_arn: str) -> str:
    """The ARN that policies name, whether or not there is such a group."""
    return name_or_arn if name_or_arn.startswith("arn:") else group_arn(scope, name_or_arn)


def check_name(name: str) -> None:
    """BadRequestException unless a group may be called so."""
    if not _NAME.fullmatch(name) or name.lower().startswith(_RESERVED):
        raise error.BadRequestException(
            "The name of a group has 1 to 300 letters, digits, hyphens, periods and underscores, and does "
            "not begin with AWS."
        )


def configured(given: Sequence[Mapping[str, Any]]) -> str:
    """A configuration as it is stored. BadRequestException for types that need services we do not have."""
    for item in given:
        if item["Type"] != GENERIC:
            raise error.BadRequestException(
                f"Groups of the configuration {item['Type']} are not available here; {GENERIC} is."
            )
        for parameter in item.get("Parameters", []):
            _check_parameter(parameter["Name"], parameter.get("Values", []))
    if len(given) > 1:
        raise error.BadRequestException(f"The configuration {GENERIC} is given twice.")
    return msgspec.json.encode(list(given)).decode()


def _check_parameter(name: str, values: Sequence[str]) -> None:
    if name == ALLOWED_TYPES:
        wrong = [value for value in values if not re.fullmatch(r"AWS::[a-zA-Z0-9]+::[a-zA-Z0-9]+", value)]
    elif name == PROTECTION:
        wrong = [value for value in values if value != UNLESS_EMPTY]
    else:
        raise error.BadRequestException(f"{GENERIC} has no parameter {name}.")
    if wrong or not values:
        raise error.BadRequestException(f"The parameter {name} cannot be {wrong[0] if wrong else 'empty'}.")
