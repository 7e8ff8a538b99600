"""The end of history: commands that ended long ago are forgotten, with everything that was kept of them."""

from hostreeve.capabilities.commands.store import history
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox
from hostreeve.persistence.database import Transaction


def forget(tx: Transaction, scope: Scope, command_id: str) -> bool:
    """Delete a batch of what is kept of a command. True when nothing of it is left."""
    if history.delete_output(tx, scope, command_id) or history.delete_invocations(tx, scope, command_id):
        return False
    if history.delete_counts(tx, scope, command_id):
        return False
    mailbox.drop_content(tx, command_id)
    history.delete_command(tx, scope, command_id)
    return True
