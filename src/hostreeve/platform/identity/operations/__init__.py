"""IAM and STS, as AWS callers see them."""

from hostreeve.platform.identity.operations import (
    access_keys,
    attachments,
    groups,
    inline_policies,
    instance_profiles,
    managed_policies,
    policy_entities,
    policy_versions,
    roles,
    service_roles,
    sessions,
    tags,
    users,
)
from hostreeve.platform.identity.operations.service import iam, sts

__all__ = [
    "access_keys",
    "attachments",
    "groups",
    "iam",
    "inline_policies",
    "instance_profiles",
    "managed_policies",
    "policy_entities",
    "policy_versions",
    "roles",
    "service_roles",
    "sessions",
    "sts",
    "tags",
    "users",
]
