"""Organizations, as callers see it: AWS's operations, and ours for making many accounts with keys."""

from hostreeve.platform.organizations.operations import (
    accounts,
    delegations,
    extensions,
    handshakes,
    membership,
    organization,
    policies,
    tags,
    units,
)
from hostreeve.platform.organizations.operations.service import hostreeve, organizations

__all__ = [
    "accounts",
    "delegations",
    "extensions",
    "handshakes",
    "hostreeve",
    "membership",
    "organization",
    "organizations",
    "policies",
    "tags",
    "units",
]
