"""What AWS allows an account to have: the quotas, at the highest value that AWS grants on request."""

from collections.abc import Mapping

from hostreeve.platform.identity.model.entities import DEFAULT_SESSION_S, Kind

KEYS_PER_USER_MAX = 2
ATTACHED_MAX = 20
GROUPS_PER_USER_MAX = 10
VERSIONS_MAX = 5
MFA_PER_USER_MAX = 8
TAGS_MAX = 50

KIND_MAX: Mapping[Kind, int] = {"user": 5000, "group": 500, "role": 5000}
POLICIES_MAX = 5000
PROFILES_MAX = 5000
OIDC_PROVIDERS_MAX = 100
CLIENT_IDS_MAX = 100
THUMBPRINTS_MAX = 5

SESSION_S = DEFAULT_SESSION_S
CHAINED_SESSION_S_MAX = 3600
USER_SESSION_S = SIGN_IN_S = 43_200
SESSION_POLICY_CHARS_MAX = 2048
SESSION_POLICIES_MAX = 10
INLINE_CHARS_MAX: Mapping[Kind, int] = {"user": 2048, "group": 5120, "role": 10240}
POLICY_CHARS_MAX = 6144
TRUST_CHARS_MAX = 4096


def size_of(document: str) -> int:
    """AWS counts a document's characters without white space."""
    return len("".join(document.split()))
