"""What nodes report of their patches, taken in."""

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import inventory
from hostreeve.capabilities.patches.actions import offering
from hostreeve.capabilities.patches.model import state as model
from hostreeve.capabilities.patches.store import states
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

SUMMARY = "AWS:PatchSummary"
"""The type of inventory in which a node's counts come."""


def summary_reported(call: Call, node_id: str, item: inventory.Item) -> None:
    """A node's counts, in the place of those of whatever scan came before.

    InvalidItemContentException says what of them cannot be.
    """
    if item.rows is None:
        return
    if len(item.rows) != 1:
        raise error.InvalidItemContentException(f"{SUMMARY} has one entry.", TypeName=SUMMARY)
    try:
        state = model.reported(node_id, item.rows[0])
    except ValueError as wrong:
        raise error.InvalidItemContentException(f"{SUMMARY}: {wrong}.", TypeName=SUMMARY) from None
    states.keep(call.tx, call.scope, state)


def node_left(tx: Transaction, scope: Scope, node_id: str, now_ms: int) -> None:
    """A node is managed no more: nothing is known of its patches any longer (`nodes.announce_leaving`)."""
    states.drop(tx, scope, node_id)
    offering.node_left(tx, scope, node_id)
