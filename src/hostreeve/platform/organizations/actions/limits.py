"""What identity is told of an account's place: the control policies on its way, its organization's keys."""

from collections.abc import Mapping, Sequence

from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity
from hostreeve.platform.organizations.actions import tree
from hostreeve.platform.organizations.model.policies import CONTROL, FULL_ACCESS, Policy
from hostreeve.platform.organizations.store import accounts, policies, trees


class Limits:
    """Answers identity's questions (`identity.Above`) from the rows of the caller's own transaction."""

    def levels(self, tx: Transaction, account: str) -> Sequence[identity.Level]:
        """The control policies from the root down to the account. None for the management account, which
        they do not limit, and where they are not enabled."""
        organization = trees.of_account(tx, account)
        if organization is None or account == organization.management_account:
            return ()
        if CONTROL not in policies.enabled(tx, organization.organization_id):
            return ()
        path = tree.path_of(tx, organization, account)
        return [
            identity.Level(
                node,
                tuple(
                    (policy.title, policy.content)
                    for policy in attached_policies(tx, organization.organization_id, node, CONTROL)
                ),
            )
            for node in path
        ]

    def keys(self, tx: Transaction, account: str) -> Mapping[str, list[str]]:
        organization = trees.of_account(tx, account)
        if organization is None:
            return {}
        path = tree.path_of(tx, organization, account)[:-1]
        return {
            "OrgID": [organization.organization_id],
            "OrgPaths": ["/".join([organization.organization_id, *path, ""])],
        }

    def manages(self, tx: Transaction, manager: str, account: str) -> bool:
        if manager == trees.installation_account(tx):
            return accounts.find(tx, account) is not None
        organization = trees.of_account(tx, account)
        return organization is not None and organization.management_account == manager


def attached_policies(tx: Transaction, organization: str, target_id: str, policy_type: str) -> list[Policy]:
    """The policies of a type that are attached to a target, in the order of their ids."""
    ids = policies.attached(tx, organization, target_id, policy_type)
    found = policies.find_many(tx, organization, ids)
    found[FULL_ACCESS.policy_id] = FULL_ACCESS
    return [found[policy_id] for policy_id in ids]
