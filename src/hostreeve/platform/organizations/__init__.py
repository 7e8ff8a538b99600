"""Organizations: the accounts of this installation and the trees that they are in. A management account owns
each tree; each member is ready for use from the moment it is made, with an administrator of its own.
"""

from hostreeve.platform.organizations.actions.founding import (
    NewKey,
    create_account,
    create_management_account,
    the_organization,
)
from hostreeve.platform.organizations.actions.limits import Limits
from hostreeve.platform.organizations.actions.membership import announce_closing
from hostreeve.platform.organizations.actions.tag_rules import tag_rules
from hostreeve.platform.organizations.actions.tagging import KINDS
from hostreeve.platform.organizations.model.organization import Account, Organization
from hostreeve.platform.organizations.store.trees import installation_account as management_account

__all__ = [
    "KINDS",
    "Account",
    "Limits",
    "NewKey",
    "Organization",
    "announce_closing",
    "create_account",
    "create_management_account",
    "management_account",
    "tag_rules",
    "the_organization",
]
