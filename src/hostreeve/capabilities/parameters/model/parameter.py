"""A parameter and its versions, and how AWS shows them."""

import base64
from typing import Any

from msgspec import Struct

from hostreeve.capabilities.parameters.model.policies import Policy
from hostreeve.kernel.scope import Scope

STRING, SECURE = "String", "SecureString"
STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"


class Parameter(Struct, frozen=True, kw_only=True):
    """One version of a parameter. `value` is UTF-8 text; of a SecureString the ciphertext, never more.

    `account` is the owner's, empty for public parameters. Empty texts stand for what was never given.
    """

    account: str
    region: str
    path: str
    name: str
    version: int
    type: str
    tier: str
    data_type: str
    key_id: str
    description: str
    allowed_pattern: str
    policies: tuple[Policy, ...]
    modified_ms: int
    modified_by: str
    value: bytes

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def arn(self) -> str:
        return self.scope.arn("ssm", f"parameter{self.path}")

    @property
    def is_secure(self) -> bool:
        return self.type == SECURE

    @property
    def opaque(self) -> str:
        """The value for somebody who may not, or does not want to, see through it."""
        return base64.b64encode(self.value).decode() if self.is_secure else self.value.decode()


def shown(parameter: Parameter, value: str, selector: str = "") -> dict[str, Any]:
    """The members of `Parameter`."""
    answer = {
        "Name": parameter.name,
        "Type": parameter.type,
        "Value": value,
        "Version": parameter.version,
        "LastModifiedDate": parameter.modified_ms / 1000,
        "ARN": parameter.arn,
        "DataType": parameter.data_type,
    }
    if selector:
        answer["Selector"] = selector
    return answer


def described(parameter: Parameter) -> dict[str, Any]:
    """The members of `ParameterMetadata`; nothing of it tells the value."""
    return {"ARN": parameter.arn} | _described(parameter)


def past(parameter: Parameter, value: str, labels: list[str]) -> dict[str, Any]:
    """The members of `ParameterHistory`."""
    return _described(parameter) | {"Value": value, "Labels": labels}


def _described(parameter: Parameter) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Name": parameter.name,
        "Type": parameter.type,
        "LastModifiedDate": parameter.modified_ms / 1000,
        "LastModifiedUser": parameter.modified_by,
        "Version": parameter.version,
        "Tier": parameter.tier,
        "Policies": [policy.shown() for policy in parameter.policies],
        "DataType": parameter.data_type,
    }
    optional = {
        "KeyId": parameter.key_id,
        "Description": parameter.description,
        "AllowedPattern": parameter.allowed_pattern,
    }
    return answer | {member: text for member, text in optional.items() if text}
