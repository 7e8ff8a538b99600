"""Grants: who else may do what with a key, and under which encryption context."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from hostreeve.api.call import Principal
from hostreeve.platform.kms.model.specs import ENCRYPT, MAC, SIGN, SYMMETRIC

GRANTS_MAX = 50_000
EQUALS, SUBSET = "EncryptionContextEquals", "EncryptionContextSubset"
CREATE_GRANT, RETIRE_GRANT = "CreateGrant", "RetireGrant"

_ALWAYS = frozenset({"DescribeKey", CREATE_GRANT, RETIRE_GRANT})
_RE_ENCRYPT = frozenset({"ReEncryptFrom", "ReEncryptTo"})
_ON_DATA_KEYS = frozenset(
    f"GenerateDataKey{rest}" for rest in ("", "WithoutPlaintext", "Pair", "PairWithoutPlaintext")
)
_WITH_CONTEXT = frozenset({"Encrypt", "Decrypt"}) | _RE_ENCRYPT | _ON_DATA_KEYS


class Grant(Struct, frozen=True, kw_only=True):
    """A permission on one key for one principal, given without a policy."""

    account: str
    region: str
    key_id: str
    grant_id: str
    grantee: str
    issuing_account: str
    operations: tuple[str, ...]
    created_ms: int
    name: str = ""
    retiring: str = ""
    constraints: dict[str, dict[str, str]] = {}

    def permits(self, operation: str, context: Mapping[str, str] | None) -> bool:
        """Whether it covers an operation (`Decrypt`) with this encryption context (None: it has none)."""
        if operation not in self.operations:
            return False
        return operation not in _WITH_CONTEXT or is_within(self.constraints, context or {})


def is_within(constraints: Mapping[str, Mapping[str, str]], context: Mapping[str, str]) -> bool:
    """Whether a context has all pairs of the subset, and exactly the pairs of the equal one."""
    equals, subset = constraints.get(EQUALS), constraints.get(SUBSET)
    if equals is not None and dict(equals) != dict(context):
        return False
    return subset is None or all(context.get(key) == value for key, value in subset.items())


def is_narrower(child: Mapping[str, Mapping[str, str]], parent: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a grant with these constraints permits nothing that its parent's forbid."""
    if EQUALS in parent and child.get(EQUALS) != parent[EQUALS]:
        return False
    wanted = parent.get(SUBSET, {}).items()
    return any(wanted <= child.get(kind, {}).items() for kind in (EQUALS, SUBSET))


def possible(spec: str, usage: str) -> frozenset[str]:
    """The operations that a grant on a key of this kind can name."""
    if spec == SYMMETRIC:
        return _ALWAYS | _WITH_CONTEXT
    of_usage = {
        ENCRYPT: frozenset({"Encrypt", "Decrypt", "GetPublicKey"}) | _RE_ENCRYPT,
        SIGN: frozenset({"Sign", "Verify", "GetPublicKey"}),
        MAC: frozenset({"GenerateMac", "VerifyMac"}),
    }
    return _ALWAYS | of_usage[usage]


def names_of(principal: Principal) -> list[str]:
    """What a grant may call a principal: itself and its role, by id as they are kept, its account; by its ARN
    whom no user or role stands behind."""
    role = principal.id.partition(":")[0] if principal.role_arn else ""
    account = f"arn:aws:iam::{principal.account}:root"
    return [name for name in (principal.id, role, principal.arn, account) if name]


def shown(grant: Grant) -> dict[str, Any]:
    """GrantListEntry."""
    entry: dict[str, Any] = {
        "KeyId": f"arn:aws:kms:{grant.region}:{grant.account}:key/{grant.key_id}",
        "GrantId": grant.grant_id,
        "Name": grant.name,
        "CreationDate": grant.created_ms / 1000,
        "GranteePrincipal": grant.grantee,
        "IssuingAccount": f"arn:aws:iam::{grant.issuing_account}:root",
        "Operations": _ordered(grant.operations),
    }
    if grant.retiring:
        entry["RetiringPrincipal"] = grant.retiring
    if grant.constraints:
        entry["Constraints"] = grant.constraints
    return entry


def _ordered(operations: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(operations))
