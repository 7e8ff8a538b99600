"""Organizations: the accounts of this installation. The management account owns them; each member is ready
for use from the moment it is made, with an administrator of its own.
"""

from hostreeve.platform.organizations.actions import (
    NewKey,
    create_account,
    create_management_account,
    management_account,
)
from hostreeve.platform.organizations.model import Account

__all__ = ["Account", "NewKey", "create_account", "create_management_account", "management_account"]
