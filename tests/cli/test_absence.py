"""Nodes that are away while their command is watched."""

import pytest

from hostreeve.cli.absence import ASKED_MAX, PATIENCE_S, REST_S, Absence
from hostreeve.cli.following import Node, Tally
from hostreeve.cli.trouble import Refused

BEGAN = 1000.0


class Watched:
    """What `Absence` looks at, and the client it asks; `away` are nodes without a connection."""

    def __init__(self, *nodes, away=(), may_ask=True):
        self.nodes = {node.node_id: node for node in nodes}
        self.tally = Tally(status="InProgress", targets=len(nodes))
        self.away, self.may_ask, self.asked = away, may_ask, []

    def call(self, service, operation, **request):
        assert (service, operation) == ("ssm", "GetConnectionStatus")
        self.asked.append(request["Target"])
        if not self.may_ask:
            raise Refused("AccessDeniedException", 400, "no")
        return {"Status": "notconnected" if request["Target"] in self.away else "connected"}


def node(number, status="Pending", name=""):
    return Node(f"mi-{number}", name=name, status=status)


def absence(watched, timeout_s=3600):
    return Absence(watched, BEGAN, timeout_s)


def test_a_node_that_is_away_is_named_once_with_the_time_it_has():
    watched = Watched(node(1, name="edge"), node(2), node(3, "InProgress"), away=["mi-1", "mi-3"])
    looked = absence(watched, timeout_s=602)
    assert looked.news(watched, BEGAN + 1) == ""
    told = looked.news(watched, BEGAN + PATIENCE_S)
    assert told == "edge is not connected, and gets this on coming back within 10 min. Ctrl-C cancels."
    assert looked.news(watched, BEGAN + PATIENCE_S + REST_S) == ""
    assert watched.asked == ["mi-1", "mi-2"]


def test_many_are_counted_and_asked_about_a_few_at_a_time():
    watched = Watched(*(node(number, "Delayed") for number in range(100)))
    told = absence(watched).news(watched, BEGAN + PATIENCE_S)
    assert told.startswith(
        f"mi-0, mi-1, mi-2, mi-3, mi-4 and {ASKED_MAX - 5} more are not connected, and get"
    )
    assert watched.asked == [], "a delayed node is known to be away"


def test_who_may_not_ask_is_not_told():
    watched = Watched(node(1), away=["mi-1"], may_ask=False)
    assert absence(watched).news(watched, BEGAN + PATIENCE_S) == ""


@pytest.mark.parametrize("status", ["Success", "Cancelling", "Cancelled"])
def test_nothing_is_asked_about_a_command_that_is_over_or_cancelled(status):
    watched = Watched(node(1), away=["mi-1"])
    watched.tally = Tally(status=status)
    assert absence(watched).news(watched, BEGAN + PATIENCE_S) == ""
    assert watched.asked == []
