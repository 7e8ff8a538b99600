"""What AWS allows an account to have: the quotas, at the highest value that AWS grants on request."""

from collections.abc import Mapping

from hostreeve.platform.identity.model.entities import DEFAULT_SESSION_S, Kind

KEYS_PER_USER_MAX = 2
ATTACHED_MAX = 20
GROUPS_PER_USER_MAX = 10
VERSIONS_MAX = 5
TAGS_MAX = 50

KIND_MAX: Mapping[Kind, int] = {"user": 5000, "group": 500, "role": 5000}
POLICIES_MAX = 5000
PROFILES_MAX = 5000

SESSION_S = DEFAULT_SESSION_S
CHAINED_SESSION_S_MAX = 3600
SESSION_POLICY_CHARS_MAX = 2048
INLINE_CHARS_MAX: Mapping[Kind, int] = {"user": 2048, "group": 5120, "role": 10240}
POLICY_CHARS_MAX = 6144
TRUST_CHARS_MAX = 4096


def size_of(document: str) -> int:
    """AWS counts a document's characters without white space."""
    return len("".join(document.split()))
