"""Which policies somebody holds: its own, its groups', written for it alone or attached."""

from collections.abc import Iterator
from typing import NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import Identity, ManagedPolicy
from hostreeve.platform.identity.store import identities, memberships
from hostreeve.platform.identity.store import policies as policy_rows


class Held(NamedTuple):
    """One policy. `name` is its ARN, or of an inline policy the name; `holder` is who it belongs to."""

    name: str
    document: str
    holder: Identity

    @property
    def source(self) -> str:
        """As IAM's simulator calls where it comes from."""
        if self.name.startswith(managed.PREFIX):
            return "aws-managed"
        return "user-managed" if self.name.startswith("arn:") else self.holder.kind


def held(tx: Transaction, scope: Scope, identity: Identity) -> Iterator[Held]:
    """What a user, group or role holds; a user has what its groups have."""
    groups = memberships.groups_of(tx, scope, identity.identity_id) if identity.kind == "user" else []
    for holder in (identity, *groups):
        for name, document in policy_rows.inline(tx, scope, holder.identity_id).items():
            yield Held(name, document, holder)
        for arn in policy_rows.attached(tx, scope, holder.identity_id):
            policy = managed_policy(tx, scope, arn)
            if policy is not None:
                yield Held(arn, policy.document, holder)


def managed_policy(tx: Transaction, scope: Scope, arn: str) -> ManagedPolicy | None:
    """One of AWS's or of the account's own."""
    return managed.policies().get(arn) or policy_rows.find(tx, scope, arn)


def named(tx: Transaction, arn: str) -> Identity | None:
    """The user, group or role of an ARN, in whatever account; None when there is none."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "iam":
        return None
    kind, _, path = parts[5].partition("/")
    if kind not in ("user", "group", "role"):
        return None
    found = identities.find(tx, Scope(parts[4], "global"), kind, path.rpartition("/")[2])  # type: ignore[arg-type]
    return found if found is not None and found.arn == arn else None
