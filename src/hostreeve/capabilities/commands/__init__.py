"""Run Command: a document's steps on many nodes, their progress, their results and their whole output.

Neighbours send and cancel commands, follow those that they sent to their end (`follow`) and look at them
(`command`, `invocations`); the node link is handed the listener that takes what nodes report.
"""

from hostreeve.capabilities.commands.actions.cancelling import cancel
from hostreeve.capabilities.commands.actions.moving import follow
from hostreeve.capabilities.commands.actions.reporting import NodeListener
from hostreeve.capabilities.commands.actions.sending import send
from hostreeve.capabilities.commands.actions.showing import command, invocations, printed
from hostreeve.capabilities.commands.actions.targeting import tag_context
from hostreeve.capabilities.commands.lifecycle import Limits, set_limits
from hostreeve.capabilities.commands.model.command import CommandRow, Invocation
from hostreeve.capabilities.commands.model.status import CommandStatus, Status, Tally, shown

__all__ = [
    "CommandRow",
    "CommandStatus",
    "Invocation",
    "Limits",
    "NodeListener",
    "Status",
    "Tally",
    "cancel",
    "command",
    "follow",
    "invocations",
    "printed",
    "send",
    "set_limits",
    "shown",
    "tag_context",
]
