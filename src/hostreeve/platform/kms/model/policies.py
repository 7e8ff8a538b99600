"""The key policies that we write: the one of a key made without any, and those of keys that AWS manages."""

import json
from functools import lru_cache

from hostreeve.kernel.scope import Scope

DEFAULT = "default"
"""The only name that a key policy can have."""

_MANAGED = {"alias/aws/ssm": ("ssm", "Protects SecureString parameters when no other key is named")}
"""Alias, service through which the key is used, description."""


def default(account: str) -> str:
    """The account may do everything, so that its IAM policies decide."""
    return _document(
        "key-default-1",
        {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
    )


def is_managed(alias: str) -> bool:
    return alias in _MANAGED


def description(alias: str) -> str:
    return _MANAGED[alias][1]


@lru_cache(maxsize=4096)
def as_asked(document: str, *, caller: str, through: str) -> str:
    """The policy of a key that AWS manages, as it speaks to this caller's account through this service.

    Its conditions ask for nothing else, so they are answered here, once: what is left has none, and costs
    every secret that is read a tenth.
    """
    found = json.loads(document)
    known = {"kms:CallerAccount": caller, "kms:ViaService": through}
    said = []
    for statement in found["Statement"]:
        asked = statement.pop("Condition", {}).get("StringEquals", {})
        assert set(asked) <= set(known), f"a condition that is not known here: {asked}"
        if all(known[name] == wanted for name, wanted in asked.items()):
            said.append(statement)
    return json.dumps(found | {"Statement": said})


def managed(alias: str, scope: Scope) -> str:
    """As at AWS: whoever of the account may use the service uses the key through it, and nobody directly."""
    service = _MANAGED[alias][0]
    return _document(
        f"auto-{service}-1",
        {
            "Sid": f"Use through {service}",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:CreateGrant",
                "kms:DescribeKey",
            ],
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": scope.account,
                    "kms:ViaService": f"{service}.{scope.region}.amazonaws.com",
                }
            },
        },
        {
            "Sid": "Metadata for the account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{scope.account}:root"},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        },
    )


def _document(name: str, *statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": name, "Statement": list(statements)}, indent=2)
