"""What the tag policies above an account ask of its tags, for whoever sets them (`groups.heed`)."""

import json
from collections.abc import Sequence
from functools import lru_cache

from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.organizations.actions import tree
from hostreeve.platform.organizations.actions.limits import attached_policies
from hostreeve.platform.organizations.model.policies import TAG
from hostreeve.platform.organizations.model.tag_policies import merged
from hostreeve.platform.organizations.store import policies, trees


def tag_rules(tx: Transaction, account: str) -> Sequence[groups.TagRule]:
    """The rules of the account's effective tag policy; the management account has one like all others."""
    organization = trees.of_account(tx, account)
    if organization is None or TAG not in policies.enabled(tx, organization.organization_id):
        return ()
    levels = [
        tuple(policy.content for policy in attached_policies(tx, organization.organization_id, node, TAG))
        for node in tree.path_of(tx, organization, account)
    ]
    return _read(tuple(levels)) if any(levels) else ()


@lru_cache(maxsize=1024)
def _read(levels: tuple[tuple[str, ...], ...]) -> tuple[groups.TagRule, ...]:
    return tuple(
        # Whoever does not say how the key is written has it in small letters, as at AWS.
        groups.TagRule(
            tag.get("tag_key") or name.lower(),
            tuple(tag.get("tag_value", ())),
            frozenset(tag.get("enforced_for", ())),
        )
        for name, tag in json.loads(merged(levels))["tags"].items()
    )
