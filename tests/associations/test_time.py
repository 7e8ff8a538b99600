"""Associations and time: edits between due times, clocks that jump, what fails and is tried again."""

import asyncio
import json

import pytest

from hostreeve.capabilities.associations import worker
from hostreeve.capabilities.associations.store import associations as store
from tests.associations.conftest import HOUR_S, MINUTE_S

DAY_S = 24 * HOUR_S


def edit(estate, association_id, **changes):
    """UpdateAssociation that leaves all else as it is."""
    shown = estate.standing(association_id)
    kept = (
        "Name",
        "Parameters",
        "Targets",
        "ScheduleExpression",
        "ScheduleOffset",
        "ApplyOnlyAtCronInterval",
    )
    asked = {member: shown[member] for member in kept if member in shown}
    estate.call("UpdateAssociation", AssociationId=association_id, **asked, **changes)


def runs(estate, association_id):
    return len(estate.executions(association_id))


def test_an_edit_of_the_name_before_the_first_run_does_not_lose_it(estate):
    one = estate.associate(estate.node(), ScheduleExpression="rate(1 day)")
    edit(estate, one, AssociationName="Named-at-once")
    estate.work()
    assert runs(estate, one) == 1


def test_an_edit_of_the_name_leaves_the_schedule_as_it_is(estate):
    """However often somebody edits it, a rate comes at its times."""
    one = estate.associate(estate.node(), ScheduleExpression="rate(1 hour)")
    estate.work()
    for number in range(12):
        edit(estate, one, AssociationName=f"name-{number}")
        estate.later(20 * MINUTE_S)
    assert runs(estate, one) == 1 + 4


def test_a_time_that_came_and_was_not_noticed_yet_survives_an_edit(estate):
    one = estate.associate(estate.node(), ScheduleExpression="rate(1 hour)")
    estate.work()
    estate.world.advance(HOUR_S)
    edit(estate, one, AssociationName="another-name")
    estate.work()
    assert runs(estate, one) == 2


def test_an_edit_between_the_base_day_and_its_offset_loses_nothing(estate):
    # 2027-01-15 is a Friday: the base day is the Saturday, the run three days later.
    one = estate.associate(
        estate.node(),
        ScheduleExpression="cron(0 12 ? * SAT *)",
        ScheduleOffset=3,
        ApplyOnlyAtCronInterval=True,
    )
    estate.later(2 * DAY_S)
    edit(estate, one, ComplianceSeverity="HIGH")
    estate.later(3 * DAY_S)
    assert runs(estate, one) == 1


def test_another_schedule_begins_anew(estate):
    one = estate.associate(estate.node(), ScheduleExpression="rate(4 hours)")
    estate.work()
    estate.later(HOUR_S)
    targets = estate.standing(one)["Targets"]
    estate.call(
        "UpdateAssociation",
        AssociationId=one,
        Parameters={"commands": ["id"]},
        Targets=targets,
        ScheduleExpression="rate(2 hours)",
    )
    estate.work()
    assert runs(estate, one) == 2
    estate.later(HOUR_S)
    assert runs(estate, one) == 2
    estate.later(HOUR_S)
    assert runs(estate, one) == 3


@pytest.mark.parametrize("schedule", ["rate(1 day)", "cron(0 12 ? * * *)"])
def test_a_clock_that_jumps_forward_and_back_does_not_silence_an_association(estate, schedule):
    one = estate.associate(estate.node(), ScheduleExpression=schedule)
    estate.work()
    years_s = 10 * 365 * DAY_S
    estate.later(years_s)
    before = runs(estate, one)
    estate.later(-years_s)
    estate.later(DAY_S)
    estate.later(DAY_S)
    assert runs(estate, one) >= before + 1


def test_a_clock_that_is_corrected_applies_nothing_for_the_same_time_again(estate):
    one = estate.associate(estate.node(), ScheduleExpression="cron(0 12 ? * * *)")
    estate.work()
    estate.later(4 * HOUR_S + MINUTE_S)
    assert runs(estate, one) == 2
    estate.later(-2 * HOUR_S)
    estate.later(3 * HOUR_S)
    assert runs(estate, one) == 2
    estate.later(DAY_S)
    assert runs(estate, one) == 3


def test_one_that_fails_is_put_off_and_the_others_are_applied(estate, caplog):
    broken = estate.associate(estate.node(), ScheduleExpression="rate(1 hour)")
    sound = estate.associate(estate.node(), ScheduleExpression="rate(1 hour)")
    estate.work()
    spoil(estate, broken)
    estate.world.advance(HOUR_S)
    estate.work()
    assert runs(estate, sound) == 2
    assert "could not be moved on" in caplog.text
    # Otherwise the loop would try it again at once, without end.
    due_ms = estate.database.read_sync(store.next_due_ms)
    assert due_ms == estate.world.now_ms() + MINUTE_S * 1000


def spoil(estate, association_id):
    estate.database.write_sync(
        lambda tx: tx.run(
            "UPDATE associations SET follows = 'x' WHERE association_id = :id", id=association_id
        )
    )


def test_two_replicas_apply_it_once(estate):
    one = estate.associate(estate.node(), ScheduleExpression="rate(1 hour)")
    estate.work()
    estate.world.advance(HOUR_S)

    async def together():
        ticks = (worker.tick(estate.database, estate.world, estate.keys) for _ in range(6))
        await asyncio.gather(*ticks)

    asyncio.run(together())
    estate.work()
    assert runs(estate, one) == 2


ALWAYS_CLOSED = (
    "BEGIN:VCALENDAR\nPRODID:-//AWS//Change Calendar 1.0//EN\nVERSION:2.0\n"
    "X-CALENDAR-TYPE:DEFAULT_CLOSED\nEND:VCALENDAR\n"
)


def test_a_node_that_comes_at_the_moment_of_a_skipped_time_is_not_forgotten(estate):
    """It is due, and closed: who waits for it to be applied to all would wait in vain."""
    from hostreeve.capabilities.associations.actions import welcoming
    from hostreeve.capabilities.associations.store import executions

    estate.call(
        "CreateDocument",
        Name="shut",
        Content=ALWAYS_CLOSED,
        DocumentType="ChangeCalendar",
        DocumentFormat="TEXT",
    )
    estate.associate(
        Targets=[{"Key": "tag:Role", "Values": ["web"]}],
        ScheduleExpression="rate(1 hour)",
        CalendarNames=["shut"],
    )
    estate.work()
    estate.world.advance(HOUR_S)
    node = estate.node(Role="web")
    estate.come_back(node)
    now_ms = estate.world.now_ms()
    # Another replica is about to skip the time; this one looks at who came.
    estate.database.write_sync(
        lambda tx: welcoming.welcome(
            tx, estate.scope, [node], world=estate.world, keys=estate.keys, now_ms=now_ms
        )
    )
    assert estate.database.read_sync(executions.next_newcomer_ms) is not None


RUNBOOK = {
    "schemaVersion": "0.3",
    "parameters": {"Id": {"type": "String"}},
    "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
}


def test_a_new_node_is_no_reason_to_run_an_automation(estate):
    estate.call("CreateDocument", Name="Book", Content=json.dumps(RUNBOOK), DocumentType="Automation")
    one = estate.associate(
        Name="Book",
        Parameters={},
        AutomationTargetParameterName="Id",
        Targets=[{"Key": "tag:Role", "Values": ["web"]}],
    )
    estate.work()
    before = runs(estate, one)
    estate.come_back(estate.node(Role="web"))
    estate.work()
    assert runs(estate, one) == before


def test_a_correction_repeats_nothing_even_after_a_clock_was_wrong_by_weeks(estate):
    """The newest execution by its time is one of the wrong clock's: it says nothing of today."""
    one = estate.associate(estate.node(), ScheduleExpression="cron(0 12 ? * * *)")
    estate.work()
    estate.later(40 * DAY_S)
    estate.later(-40 * DAY_S)
    estate.later(4 * HOUR_S + MINUTE_S)
    before = runs(estate, one)
    estate.later(-2 * HOUR_S)
    estate.later(3 * HOUR_S)
    assert runs(estate, one) == before
