"""Identity: users, roles, keys, sessions and policies of an account; who calls, and what they may do.

`find_credential` tells whose key signed, `authorise` whether they may; both read one row when nothing has
changed. Nodes get credentials of their role by `issue_role_credentials`.
"""

from hostreeve.platform.identity.actions.authorising import asked_tags, authorise, request_context
from hostreeve.platform.identity.actions.credentials import (
    Credential,
    find_credential,
    find_role,
    issue_role_credentials,
    revoke_node,
)
from hostreeve.platform.identity.actions.founding import (
    administrator_key,
    bootstrap,
    check_keys,
    create_access_role,
)
from hostreeve.platform.identity.actions.resources import speaks_for
from hostreeve.platform.identity.actions.service_roles import service_role
from hostreeve.platform.identity.actions.trust import trusts
from hostreeve.platform.identity.actions.usage import note as note_use
from hostreeve.platform.identity.model import Identity, IssuedCredentials
from hostreeve.platform.identity.policy import MalformedPolicy

__all__ = [
    "Credential",
    "Identity",
    "IssuedCredentials",
    "MalformedPolicy",
    "administrator_key",
    "asked_tags",
    "authorise",
    "bootstrap",
    "check_keys",
    "create_access_role",
    "find_credential",
    "find_role",
    "issue_role_credentials",
    "note_use",
    "request_context",
    "revoke_node",
    "service_role",
    "speaks_for",
    "trusts",
]
