"""Run Command: a document's steps on many nodes, their progress, their results and their whole output.

Neighbours send and cancel commands; the node link is handed the listener that takes what nodes report.
"""

from hostreeve.capabilities.commands.actions.cancelling import cancel
from hostreeve.capabilities.commands.actions.reporting import NodeListener
from hostreeve.capabilities.commands.actions.sending import send

__all__ = ["NodeListener", "cancel", "send"]
