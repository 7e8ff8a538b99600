"""Commands that something in this system sends on somebody's behalf."""

import pytest

from hostreeve.capabilities import commands, nodes
from hostreeve.capabilities.commands.actions import moving

EVERY = [{"Key": "InstanceIds", "Values": ["*"]}]
TAGGED = [{"Key": "tag-key", "Values": ["a"]}]


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(moving, "_FOLLOWERS", {})
    heard = []
    commands.follow("test", lambda tx, scope, reference, now_ms: heard.append((scope, reference)))
    return heard


@pytest.mark.parametrize("targets", [EVERY, TAGGED], ids=["every", "tagged"])
def test_what_an_owner_sends_asks_nobody_again_and_ends_with_word_to_the_owner(estate, told, targets):
    one, two = estate.node(a="b"), estate.node(a="c")
    estate.denied.update(nodes.node_arn(estate.scope, node) for node in (one, two))
    asked = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": targets}

    sent = estate.database.write_sync(lambda tx: commands.send(estate._context(tx), asked, owner="test:x"))
    command_id = sent.command.command_id
    estate.tick()
    assert estate.statuses(command_id) == {one: "Pending", two: "Pending"}

    estate.finish(command_id, one, two)
    estate.tick()
    assert told == [(estate.scope, "x")]
    standing = estate.database.read_sync(lambda tx: commands.command(tx, estate.scope, command_id))
    assert (standing.status, standing.tally.success) == ("Success", 2)
