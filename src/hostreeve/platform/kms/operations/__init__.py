"""The Key Management Service, as AWS callers see it."""

from hostreeve.platform.kms.operations import (
    aliases,
    data_keys,
    encrypting,
    grants,
    keys,
    policies,
    refused,
    rotation,
    signing,
    tags,
)
from hostreeve.platform.kms.operations.service import kms

__all__ = [
    "aliases",
    "data_keys",
    "encrypting",
    "grants",
    "keys",
    "kms",
    "policies",
    "refused",
    "rotation",
    "signing",
    "tags",
]
