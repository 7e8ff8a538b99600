"""Nodes that have not taken a command, told while it is watched: nobody waits without knowing for whom."""

from __future__ import annotations

from hostreeve.cli.client import Client
from hostreeve.cli.following import Following, Node
from hostreeve.cli.screen import visible
from hostreeve.cli.trouble import NoAnswer, Refused
from hostreeve.cli.words import span

WAITING = frozenset(("Pending", "Delayed"))
PATIENCE_S = 2.0
"""A node that is there takes a command at once; so long nobody is asked about it."""
REST_S = 10.0
ASKED_MAX = 20
NAMED_MAX = 5


class Absence:
    """Asks now and then which of the waiting nodes are not connected."""

    def __init__(self, client: Client, now: float, timeout_s: int) -> None:
        self._client = client
        self._began = now
        self._timeout_s = timeout_s
        self._due = now + PATIENCE_S
        self._told: set[str] = set()

    def news(self, following: Following, now: float) -> str:
        """A sentence about nodes that are away and were not told of before; "" when there are none."""
        if now < self._due or following.tally.status not in ("Pending", "InProgress"):
            return ""
        self._due = now + REST_S
        waiting = [each for each in following.nodes.values() if each.status in WAITING]
        new = [each for each in waiting if each.node_id not in self._told][:ASKED_MAX]
        away = [each for each in new if self._is_away(each)]
        self._told.update(each.node_id for each in new)
        return _sentence(away, max(0.0, self._began + self._timeout_s - now)) if away else ""

    def _is_away(self, node: Node) -> bool:
        if node.status == "Delayed":
            return True
        try:
            return bool(
                self._client.call("ssm", "GetConnectionStatus", Target=node.node_id).get("Status")
                == "notconnected"
            )
        except (Refused, NoAnswer):
            # Who may not ask is not told; the command is what counts.
            return False


def _sentence(away: list[Node], left_s: float) -> str:
    names = [visible(each.name) or each.node_id for each in away[:NAMED_MAX]]
    more = f" and {len(away) - NAMED_MAX} more" if len(away) > NAMED_MAX else ""
    one = len(away) == 1
    return (
        f"{', '.join(names)}{more} {'is' if one else 'are'} not connected, and {'gets' if one else 'get'} "
        f"this on coming back within {span(left_s)}. Ctrl-C cancels."
    )
