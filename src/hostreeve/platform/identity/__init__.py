"""Identity: users, roles, keys, sessions and policies of an account; who calls, and what they may do.

`find_credential` tells whose key signed, `authorise` whether they may; both read one row when nothing has
changed. Nodes get credentials of their role by `issue_role_credentials`; what runs by itself calls its
neighbours as a role by `act_as`.
"""

from hostreeve.platform.identity.actions.above import Above, Level, manages, stand_under
from hostreeve.platform.identity.actions.acting import act_as, act_for, session_of
from hostreeve.platform.identity.actions.authorising import Denied, asked_tags, authorise, request_context
from hostreeve.platform.identity.actions.credentials import (
    Credential,
    find_credential,
    find_role,
    issue_role_credentials,
    revoke_node,
)
from hostreeve.platform.identity.actions.denials import encoded as encode_denial
from hostreeve.platform.identity.actions.founding import (
    administrator_key,
    bootstrap,
    check_keys,
    create_access_role,
)
from hostreeve.platform.identity.actions.issuers import trust as trust_issuers
from hostreeve.platform.identity.actions.principals import UnknownPrincipal
from hostreeve.platform.identity.actions.principals import arn_of as principal_arn
from hostreeve.platform.identity.actions.principals import id_of as principal_id
from hostreeve.platform.identity.actions.principals import kept as keep_principals
from hostreeve.platform.identity.actions.principals import shown as show_principals
from hostreeve.platform.identity.actions.resources import speaks_for
from hostreeve.platform.identity.actions.service_roles import service_role
from hostreeve.platform.identity.actions.trust import trusts
from hostreeve.platform.identity.actions.usage import note as note_use
from hostreeve.platform.identity.model import Identity, IssuedCredentials
from hostreeve.platform.identity.policy import (
    HIDDEN,
    MalformedPolicy,
    check_policy,
    has_control,
    without_control,
)
from hostreeve.platform.identity.store.changes import stamp
from hostreeve.platform.identity.store.standing import close as close_account
from hostreeve.platform.identity.store.standing import is_closed
from hostreeve.platform.identity.store.standing import place as place_account

__all__ = [
    "HIDDEN",
    "Above",
    "Credential",
    "Denied",
    "Identity",
    "IssuedCredentials",
    "Level",
    "MalformedPolicy",
    "UnknownPrincipal",
    "act_as",
    "act_for",
    "administrator_key",
    "asked_tags",
    "authorise",
    "bootstrap",
    "check_keys",
    "check_policy",
    "close_account",
    "create_access_role",
    "encode_denial",
    "find_credential",
    "find_role",
    "has_control",
    "is_closed",
    "issue_role_credentials",
    "keep_principals",
    "manages",
    "note_use",
    "place_account",
    "principal_arn",
    "principal_id",
    "request_context",
    "revoke_node",
    "service_role",
    "session_of",
    "show_principals",
    "speaks_for",
    "stamp",
    "stand_under",
    "trust_issuers",
    "trusts",
    "without_control",
]
