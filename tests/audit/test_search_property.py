"""Searching against looking at everything: the same records, in the same order, page for page."""

import random

import msgspec
import pytest

from hostreeve.kernel.dated import dated, sibling
from hostreeve.kernel.scope import Scope
from hostreeve.platform.audit.actions.journal import journal_in
from hostreeve.platform.audit.actions.keeping import link, ship, shipped
from hostreeve.platform.audit.actions.searching import search
from hostreeve.platform.audit.model.parts import line_of
from hostreeve.platform.audit.model.seen import Filter, seen
from hostreeve.platform.audit.store import chains, waiting

SCHEMAS = ["hostreeve.platform.audit"]
SCOPES = [
    Scope("111111111111", "us-east-1"),
    Scope("111111111111", "eu-west-1"),
    Scope("222222222222", "us-east-1"),
]
USERS, EVENTS, NAMES = (
    ("ann", "bob", "root"),
    ("GetParameter", "PutParameter", "CreateUser"),
    ("/a", "/a/b", "c"),
)


def record(chance, world, scope, at_ms):
    request_id = dated(world.uuid(), at_ms)
    user = chance.choice(USERS)
    identity = {"type": "IAMUser", "userName": user, "accessKeyId": f"AKIA{user}"}
    if user == "root":
        identity = {"type": "Root", "arn": f"arn:aws:iam::{scope.account}:root", "accessKeyId": "AKIAroot"}
    name = chance.choice(EVENTS)
    arns = [
        scope.arn("ssm", f"parameter/{each.lstrip('/')}")
        for each in chance.sample(NAMES, chance.randrange(3))
    ]
    return msgspec.json.encode(
        {
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventSource": "ssm.amazonaws.com",
            "eventName": name,
            "awsRegion": scope.region,
            "eventID": sibling(request_id),
            "requestID": request_id,
            "readOnly": name == "GetParameter",
            "managementEvent": chance.random() < 0.8,
            "recipientAccountId": scope.account,
            "resources": [{"ARN": arn, "type": "AWS::SSM::Parameter"} for arn in arns],
        }
    )


def naive(records, scope, wanted, limit):
    mine = [r for r in records if (s := seen(r)).account == scope.account and s.region == scope.region]
    taken = sorted((s.event_id for r in mine if (s := wanted.takes(r)) is not None), reverse=True)
    return taken[:limit]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_found_is_what_is_there(database, world, tmp_path, seed):
    """Records come in any order of time, lie in the journal, in rows and in parts, and the clock jumps."""
    chance = random.Random(seed)
    journal, records = journal_in(tmp_path / "journal", world), []
    begun, now = 1_800_000_000_000, 1_800_000_000_000
    for _ in range(chance.randrange(200, 700)):
        now += chance.choice([0, 1, 400, 30_000, -20_000, 200_000])
        scope = chance.choice(SCOPES)
        content = record(chance, world, scope, now)
        records.append(content)
        if chance.random() < 0.4:
            database.write_sync(lambda tx: waiting.insert(tx, scope, now, content))  # noqa: B023
        else:
            journal.append(line_of(scope, content))
        if chance.random() < 0.02:
            journal.flush()
            kept = database.read_sync(lambda tx: chains.find(tx, journal.name)).kept_sequence
            head, made = shipped(journal, kept)
            if head:
                database.write_sync(lambda tx: ship(tx, journal.name, kept, head, made, 0))  # noqa: B023
        if chance.random() < 0.01:
            database.write_sync(lambda tx: link(tx, now_ms=1 << 42, at_least=1, older_ms=0))
    for _ in range(60):
        scope = chance.choice(SCOPES)
        kind, value = chance.choice(
            [
                ("", ""),
                ("Username", chance.choice([*USERS, "nobody"])),
                ("EventName", chance.choice(EVENTS)),
                ("ReadOnly", chance.choice(["true", "false"])),
                ("ResourceName", chance.choice([*NAMES, "/"])),
                ("ResourceName", scope.arn("ssm", "parameter/a")),
                ("AccessKeyId", "AKIAann"),
                ("ResourceType", "AWS::SSM::Parameter"),
                ("EventSource", "ssm.amazonaws.com"),
            ]
        )
        first, last = sorted(chance.randrange(begun - 100_000, now + 100_000) for _ in range(2))
        limit = chance.choice([1, 3, 51])
        before = sibling(seen(chance.choice(records)).event_id) if chance.random() < 0.3 else ""
        wanted = Filter(first, last, kind, value, before, chance.random() < 0.7)
        found = database.read_sync(lambda tx: search(tx, journal, scope, wanted, limit))  # noqa: B023
        assert [each.seen.event_id for each in found] == naive(records, scope, wanted, limit), wanted
    journal.close()
