"""The first start: the management account, its administrator and the default node role.

Later starts change nothing.
"""

from collections.abc import Iterable

from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.api.call import Sealer
from hostreeve.capabilities import parameters
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity, organizations

AGENT_PARAMETER = "/aws/service/hostreeve/agent/version"
"""The version of the node agent that this server hands out."""


def bootstrap(tx: Transaction, keys: Sealer, world: World) -> tuple[str, str] | None:
    """(access key id, secret) of the new administrator, or None when the installation exists already.

    ValueError when these keys do not open what it has stored.
    """
    existing = organizations.management_account(tx)
    if existing is not None:
        identity.check_keys(tx, keys, account=existing)
        return None
    account = organizations.create_management_account(tx, world)
    return identity.bootstrap(tx, keys, world, account=account, now_ms=world.now_ms())


def publish(tx: Transaction, regions: Iterable[str], world: World) -> None:
    """What this version of Hostreeve tells every account by public parameters. Once told, nothing changes."""
    parameters.publish(tx, AGENT_PARAMETER, AGENT_VERSION, regions=regions, now_ms=world.now_ms())


def administrator_key(tx: Transaction, keys: Sealer, world: World) -> tuple[str, str] | None:
    """The administrator's key of an installation whose `admin.env` is gone, or was never written."""
    account = organizations.management_account(tx)
    assert account is not None, "there is an installation"
    return identity.administrator_key(tx, keys, world, account=account, now_ms=world.now_ms())
