"""Many writers at once: versions are neither lost nor doubled, names neither, on either engine."""

import threading
from collections import Counter

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.app import compose
from hostreeve.capabilities.parameters import operations, worker
from hostreeve.capabilities.parameters.actions.quotas import Allowances
from tests.calls import SCOPE, Caller

SCHEMAS = list(compose.SCHEMAS)
"""All of them: who hears of parameters looks into tables of its own."""
WRITERS, EACH = 8, 12


@pytest.fixture
def caller(database, world):
    return Caller(database, world)


def at_once(count, work):
    """Run `work(number)` in so many threads; what each answered, in order, errors as their code."""
    answers = [None] * count
    gate = threading.Barrier(count)

    def run(number):
        gate.wait()
        try:
            answers[number] = work(number)
        except AwsError as error:
            answers[number] = error.code

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def put(caller, name, value, **more):
    return caller(operations.ssm, "PutParameter", Name=name, Value=value, Type="String", **more)


def test_every_overwrite_is_one_version(caller):
    put(caller, "/n", "first")

    def write(number):
        return [put(caller, "/n", f"{number}-{turn}", Overwrite=True)["Version"] for turn in range(EACH)]

    versions = [version for mine in at_once(WRITERS, write) for version in mine]
    assert sorted(versions) == list(range(2, WRITERS * EACH + 2))
    history, token = [], {}
    while True:
        page = caller(operations.ssm, "GetParameterHistory", Name="/n", **token)
        history += page["Parameters"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert [one["Version"] for one in history] == list(range(1, WRITERS * EACH + 2))
    written = {f"{number}-{turn}" for number in range(WRITERS) for turn in range(EACH)}
    assert {one["Value"] for one in history[1:]} == written


def test_one_of_many_creators_wins(caller):
    answers = at_once(WRITERS, lambda number: put(caller, "/n", str(number)))
    outcome = Counter(one if isinstance(one, str) else one["Version"] for one in answers)
    assert outcome == {1: 1, "ParameterAlreadyExists": WRITERS - 1}


def test_a_label_ends_on_one_version(caller):
    put(caller, "/n", "1")
    for number in range(2, WRITERS + 1):
        put(caller, "/n", str(number), Overwrite=True)

    def mark(number):
        request = {"Name": "/n", "Labels": ["live"], "ParameterVersion": number + 1}
        return caller(operations.ssm, "LabelParameterVersion", **request)["InvalidLabels"]

    assert at_once(WRITERS, mark) == [[]] * WRITERS
    history = caller(operations.ssm, "GetParameterHistory", Name="/n")["Parameters"]
    assert [one["Labels"] for one in history if one["Labels"]] == [["live"]]


def test_a_parameter_deleted_by_many_is_deleted_once(caller):
    put(caller, "/n", "1")
    answers = at_once(WRITERS, lambda _: caller(operations.ssm, "DeleteParameter", Name="/n"))
    assert Counter(map(str, answers)) == {"{}": 1, "ParameterNotFound": WRITERS - 1}


def test_deleting_and_putting_at_once_leaves_a_whole_parameter_or_none(caller):
    def work(number):
        for turn in range(EACH):
            if number % 2:
                put(caller, "/n", f"{number}-{turn}", Overwrite=True)
            else:
                caller(operations.ssm, "DeleteParameters", Names=["/n"])

    at_once(4, work)
    put(caller, "/n", "last", Overwrite=True)
    history = caller(operations.ssm, "GetParameterHistory", Name="/n")["Parameters"]
    assert [one["Version"] for one in history] == list(range(1, len(history) + 1))
    assert history[-1]["Value"] == "last"


def test_a_policy_is_executed_once_however_many_workers_see_it_due(caller, database, world):
    import asyncio

    policy = '[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Hours"}}]'
    for number in range(5):
        put(caller, f"/n{number}", "v", Tier="Advanced", Policies=policy)
    world.advance(3600)

    async def together():
        return await asyncio.gather(*(worker.tick(database, world) for _ in range(4)))

    asyncio.run(together())

    def told(tx):
        kind = "Parameter Store Policy Action"
        return tx.one("SELECT count(*) AS n FROM outbox_event WHERE detail_type = :kind", kind=kind)["n"]

    assert database.read_sync(told) == 5
    # A change begins the time anew.
    put(caller, "/n0", "w", Overwrite=True)
    world.advance(3600)
    assert asyncio.run(worker.tick(database, world)) == 1
    assert asyncio.run(worker.tick(database, world)) == 0


def test_the_number_of_parameters_is_limited_exactly(caller, database):
    allowances = Allowances(most=7)

    def make(number):
        def unit(tx):
            return allowances.takes_one(tx, SCOPE)

        if not database.read_sync(unit):
            return False
        put(caller, f"/n{number}", "v")
        return True

    assert [make(number) for number in range(9)] == [True] * 7 + [False] * 2
    caller(operations.ssm, "DeleteParameter", Name="/n3")
    assert make(9) and not make(10)
