"""The audit log: what a record costs a read and a write, and finding a few among millions.

`RECORDS=10000000 make bench B=audit` fills it with so many (a million by default), through everything but the
pipeline: framed, linked, packed, indexed.
"""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import msgspec

from hostreeve.gateway.pipeline import Pipeline
from hostreeve.kernel.dated import dated, sibling
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Database, Transaction, open_database
from hostreeve.platform.audit.actions.exporting import Wanted, export
from hostreeve.platform.audit.actions.keeping import link, ship, shipped
from hostreeve.platform.audit.actions.searching import search
from hostreeve.platform.audit.actions.verifying import verify
from hostreeve.platform.audit.model.chain import NOWHERE, Head
from hostreeve.platform.audit.model.parts import Line, Linked, Part, linked, parts_of
from hostreeve.platform.audit.model.seen import Facts, Filter
from hostreeve.platform.audit.store import chains, parts
from tools.bench.client import WORLD
from tools.bench.inside import Inside, inside
from tools.bench.machine import row, spread

DEFAULT = 1_000_000
SCHEMAS = ("hostreeve.persistence", "hostreeve.platform.audit")
CHAIN = "replica-of-a-bench"
BATCH = 2048
PER_S = 500
"""Calls a second in the log that is filled."""
ACCOUNTS = 5
USERS, RARE_USER = 300, "once-in-a-while"
EVENTS, RARE_EVENT = 60, "DeleteRole"
NAMES = 5_000
RARE_EVERY = 20_000
QUESTIONS = 40
BACKGROUND = 20_480
TURN = 1024
ROUNDS = 4


def run() -> None:
    """Print the costs, then fill the log and look things up."""
    _costs()
    count = int(os.environ.get("RECORDS", DEFAULT))
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-", dir="/var/tmp") as folder:
        path = Path(folder) / "audit.db"
        database = open_database(f"sqlite:///{path}", WORLD, SCHEMAS)
        began_s = time.monotonic()
        first_ms = _fill(database, count)
        took_s = time.monotonic() - began_s
        size = path.stat().st_size / count
        row(f"{count:,} records framed and indexed", f"{count / took_s:,.0f}/s", "", f"{size:.0f} bytes each")
        _look(database, first_ms, first_ms + count * 1000 // PER_S)
        _whole(database, Path(folder), count)
        database.close()


def _costs() -> None:
    """The same requests with a journal and without, in turn; what happens beside them, per record."""
    asked: dict[str, dict[str, object]] = {"GetParameter": {"Name": "/a"}, "DescribeParameters": {}}
    put = {"Name": "/a", "Type": "String", "Value": "v", "Overwrite": True}
    with inside() as without, inside(journal=True) as journalled:
        for plane in (without, journalled):
            plane.ask("PutParameter", put)
        for name, members in asked.items():
            pairs = [
                (p.cost_us(name, members), q.cost_us(name, members))
                for p, q in ROUNDS * [(without, journalled)]
            ]
            _told(name, pairs)
        beside = _beside(journalled, asked["GetParameter"])
        row("beside it: framed, on disk; packed, indexed", f"{beside[0]:.1f}; {beside[1]:.1f} µs")
        _told(
            "PutParameter",
            [
                (_bare(journalled, put), journalled.cost_us("PutParameter", put, together=True))
                for _ in range(ROUNDS)
            ],
        )
        _linked(journalled.database)


def _told(name: str, pairs: list[tuple[float, float]]) -> None:
    """Of costs without and with the record, the least of each."""
    without, recorded = (min(costs) for costs in zip(*pairs, strict=True))
    row(f"a record of {name}", f"{recorded - without:.1f} µs", "", f"of {recorded:.1f} µs processor time")


def _bare(plane: Inside, put: dict[str, object]) -> float:
    """A write whose record nobody makes."""
    kept = Pipeline._written
    try:
        Pipeline._written = Pipeline._run  # type: ignore[method-assign]
        return plane.cost_us("PutParameter", put, together=True)
    finally:
        Pipeline._written = kept  # type: ignore[method-assign]


def _linked(database: Database) -> None:
    count, before_s = 0, time.process_time()
    while moved := database.write_sync(partial(link, now_ms=1 << 43, at_least=1, older_ms=0)):
        count += moved
    row("beside it: linked, packed, indexed", f"{(time.process_time() - before_s) / count * 1e6:.1f} µs")


def _beside(plane: Inside, members: dict[str, object]) -> tuple[float, float]:
    auditor = plane.auditor
    journal = auditor.journal
    assert journal is not None
    auditor.catch_up()
    journal.sync()
    begun, framed_s = journal.head.sequence, 0.0
    for _ in range(BACKGROUND // TURN):
        plane.ask("GetParameter", members, count=TURN)
        auditor.catch_up()
        before_s = time.process_time()
        journal.sync()
        framed_s += time.process_time() - before_s
    before_s, kept = time.process_time(), begun
    while True:
        head, made = shipped(journal, kept)
        if head is None:
            break
        plane.database.write_sync(partial(_shipped, journal.name, kept, head, made))
        kept = head.sequence
    per_record = 1e6 / (journal.head.sequence - begun)
    return framed_s * per_record, (time.process_time() - before_s) * per_record


def _shipped(name: str, kept: int, head: Head, made: list[Part], tx: Transaction) -> None:
    chains.anchor(tx, name, Head(kept, head.hash), kept, now_ms=0)
    ship(tx, name, kept, head, made, 0)


@cache
def _scope(number: int) -> Scope:
    return Scope(f"{100000000000 + number}", "us-east-1")


class _Templates:
    """Records with holes for what differs from call to call."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._made: dict[tuple[int, str, str], tuple[bytes, bytes]] = {}

    def line(self, number: int, at_ms: int) -> Line:
        chance = self._chance
        is_rare = number % RARE_EVERY == RARE_EVERY - 1
        account = 0 if is_rare else chance.randrange(ACCOUNTS)
        user = RARE_USER if is_rare else f"user-{chance.randrange(USERS)}"
        event = RARE_EVENT if is_rare else f"GetThing{int(chance.random() ** 2 * EVENTS)}"
        name = f"/app/{int(chance.random() ** 3 * NAMES)}"
        request_id = dated(WORLD.uuid(), at_ms)
        scope = _scope(account)
        arn = f"arn:aws:ssm:us-east-1:{scope.account}:parameter{name}"
        facts = Facts(event, "ssm.amazonaws.com", not is_rare, user, f"AKIA{user.upper()}", (arn,))
        head, tail = self._template(account, user, event)
        holes = b'"requestID":"%b","eventID":"%b","resources":[{"ARN":"%b"}]' % (
            request_id.encode(),
            sibling(request_id).encode(),
            arn.encode(),
        )
        return Line(scope, head + holes + tail, at_ms, facts)

    def _template(self, account: int, user: str, event: str) -> tuple[bytes, bytes]:
        key = (account, user, event)
        if key not in self._made:
            self._made[key] = _template(_scope(account), user, event)
        return self._made[key]


def _template(scope: Scope, user: str, event: str) -> tuple[bytes, bytes]:
    record = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAVJRZRFU3TCES7EBL",
            "arn": f"arn:aws:iam::{scope.account}:user/{user}",
            "accountId": scope.account,
            "accessKeyId": f"AKIA{user.upper()}",
            "userName": user,
        },
        "eventTime": "2026-11-29T00:00:00Z",
        "eventSource": "ssm.amazonaws.com",
        "eventName": event,
        "awsRegion": scope.region,
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "aws-cli/2.17 md/awscrt#0.20 ua/2.0 os/linux md/arch#x86_64 lang/python#3.11 md/x#y",
        "requestParameters": {"withDecryption": True},
        "responseElements": None,
        "HOLES": 0,
        "readOnly": event != RARE_EVENT,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": scope.account,
        "eventCategory": "Management",
    }
    head, _, tail = msgspec.json.encode(record).partition(b'"HOLES":0')
    return head, tail


def _lines(count: int, first_ms: int) -> Iterator[Line]:
    templates = _Templates(random.Random(7))
    for number in range(count):
        yield templates.line(number, first_ms + number * 1000 // PER_S)


def _fill(database: Database, count: int) -> int:
    """Put so many records where a worker puts them; answers the time of the first."""
    first_ms = WORLD.now_ms() - count * 1000 // PER_S
    head, batch = NOWHERE, list[Line]()
    waiting: list[Linked] = []

    def keep() -> None:
        made = parts_of(CHAIN, waiting)
        database.write_sync(lambda tx: parts.insert(tx, made))
        waiting.clear()

    for line in _lines(count, first_ms):
        batch.append(line)
        if len(batch) == BATCH:
            waiting += linked(head, batch)
            head, batch = waiting[-1].frame.head, []
            keep()
    if batch:
        waiting += linked(head, batch)
        head = waiting[-1].frame.head
        keep()
    database.write_sync(lambda tx: chains.anchor(tx, CHAIN, head, head.sequence, now_ms=0))
    return first_ms


def _look(database: Database, first_ms: int, last_ms: int) -> None:
    """Pages of 50 at random times, of the busiest account; each question of another time."""
    chance = random.Random(11)
    questions = {
        "the latest": ("", ""),
        "a frequent user": ("Username", "user-7"),
        "a rare user": ("Username", RARE_USER),
        "a user that there is not": ("Username", "nobody"),
        "a frequent event name": ("EventName", "GetThing0"),
        "a rare event name": ("EventName", RARE_EVENT),
        "a resource": ("ResourceName", "/app/77"),
        "writes only": ("ReadOnly", "false"),
    }
    for name, (kind, value) in questions.items():
        took, worked = [], []
        for _ in range(QUESTIONS):
            end_ms = chance.randrange(first_ms, last_ms)
            wanted = Filter(first_ms, end_ms, kind, value)
            before_s, cpu_s = time.perf_counter(), time.process_time()
            database.read_sync(partial(search, journal=None, scope=_scope(0), wanted=wanted, limit=51))
            took.append((time.perf_counter() - before_s) * 1000)
            worked.append((time.process_time() - cpu_s) * 1000)
        row(f"LookupEvents, {name}", spread(took), "100 ms", f"processor time {spread(worked)}")


def _whole(database: Database, folder: Path, count: int) -> None:
    before_s = time.monotonic()
    report = verify(database.read_sync, folder / "no journal")
    assert report.is_whole, report.findings
    row("verify", f"{count / (time.monotonic() - before_s):,.0f} records/s")
    before_s = time.monotonic()
    found = sum(1 for _ in export(database.read_sync, folder / "no journal", Wanted(errors_only=True)))
    row(
        "export, of nothing among them",
        f"{count / (time.monotonic() - before_s):,.0f} records/s",
        "",
        f"{found}",
    )
