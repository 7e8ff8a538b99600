"""Servers that die, or work twice, while an execution reaches other accounts: each location begins once."""

import asyncio

import pytest

from tests.automations.landscape import HERE, THERE, Landscape
from tests.automations.shop import fails, put
from tests.automations.test_faults import engine, survive

pytestmark = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True, scope="module")
ROLE = {"AutomationAssumeRole": {"type": "String", "default": ""}}
WITH_ROLE = {"assumeRole": "{{ AutomationAssumeRole }}", "parameters": ROLE}


@pytest.fixture(scope="module")
def land(house):
    made = Landscape(house)
    made.one = made.member("faults-one")
    return made


def begin(land, name, **more):
    nobody = {"Accounts": ["123456789012"], "Regions": [HERE], "TargetLocationMaxErrors": "1"}
    entry = {"Accounts": [land.one], "Regions": [HERE, THERE], **more}
    given = {"AutomationAssumeRole": [land.role]}
    return land.shop.start(name, Parameters=given, TargetLocations=[entry, nobody])


def check(land, execution_id):
    one = land.shop.get(execution_id)
    assert (one.status, [each["StepStatus"] for each in one["StepExecutions"]]) == (
        "Success",
        ["Success", "Success", "Failed"],
    )
    counted = one["ProgressCounters"]
    assert (counted["TotalSteps"], counted["SuccessSteps"], counted["FailedSteps"]) == (3, 2, 1)
    for region in (HERE, THERE):
        assert len(land.children(one, land.one, region)) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_dies_at_any_write_each_location_begins_once(house, land, after):
    name = land.shop.write(put("a", "x"), **WITH_ROLE)
    deaths = 0
    for at in range(1, 100):
        execution_id = begin(land, name)
        has_died = survive(house, at, after=after)
        check(land, execution_id)
        if not has_died:
            break
        deaths += 1
    assert 5 < deaths < 99


def test_two_replicas_at_once_begin_each_location_once(house, land):
    name = land.shop.write(put("a", "x"), **WITH_ROLE)

    async def both(replicas):
        for _ in range(200):
            moved = await asyncio.gather(*(each.tick() for each in replicas))
            moved += await asyncio.gather(*(each.errands() for each in replicas))
            if not any(moved):
                return

    for _ in range(5):
        execution_id = begin(land, name, TargetLocationMaxConcurrency="2")
        house.loop.run_until_complete(both([engine(house), engine(house)]))
        check(land, execution_id)


def test_more_failed_locations_than_the_percentage_allows_end_the_whole(house, land):
    name = land.shop.write(fails("bad"), **WITH_ROLE)
    regions = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-central-1"]
    entry = {"Accounts": [land.one], "Regions": regions, "TargetLocationMaxConcurrency": "100%"}
    given = {"AutomationAssumeRole": [land.role]}
    entry["TargetLocationMaxErrors"] = "50%"
    execution_id = land.shop.start(name, Parameters=given, TargetLocations=[entry])
    house.tick()
    one = land.shop.get(execution_id)
    assert one.status == "Failed" and "TargetLocationMaxErrors was exceeded" in one["FailureMessage"]
    assert 4 <= one["ProgressCounters"]["FailedSteps"] <= 7
