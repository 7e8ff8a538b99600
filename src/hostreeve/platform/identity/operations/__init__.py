"""IAM and STS, as AWS callers see them."""

from hostreeve.platform.identity.operations import (
    access_keys,
    attachments,
    inline_policies,
    managed_policies,
    roles,
    sessions,
    tags,
    users,
)
from hostreeve.platform.identity.operations.service import iam, sts

__all__ = [
    "access_keys",
    "attachments",
    "iam",
    "inline_policies",
    "managed_policies",
    "roles",
    "sessions",
    "sts",
    "tags",
    "users",
]
