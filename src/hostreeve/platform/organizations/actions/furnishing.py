"""What a new unit or account has from its first moment."""

from hostreeve.persistence.database import Transaction
from hostreeve.platform.organizations.model.organization import Organization
from hostreeve.platform.organizations.model.policies import CONTROL, FULL_ACCESS
from hostreeve.platform.organizations.store import policies


def furnish(tx: Transaction, organization: Organization, target_id: str) -> None:
    """Where control policies are enabled, FullAWSAccess."""
    if CONTROL in policies.enabled(tx, organization.organization_id):
        policies.attach(tx, organization.organization_id, target_id, CONTROL, FULL_ACCESS.policy_id)
