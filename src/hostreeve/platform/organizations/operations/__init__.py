"""Organizations, as callers see it: AWS's operations, and ours for making many accounts with keys."""

from hostreeve.platform.organizations.operations import (
    accounts,
    extensions,
    organization,
    policies,
    tags,
    units,
)
from hostreeve.platform.organizations.operations.service import hostreeve, organizations

__all__ = [
    "accounts",
    "extensions",
    "hostreeve",
    "organization",
    "organizations",
    "policies",
    "tags",
    "units",
]
