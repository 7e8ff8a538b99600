"""A node asks for its associations: those that are for it are applied to it alone, now."""

import json

import pytest

from hostreeve.api.errors import AwsError
from tests.associations.test_agents import by

REFRESH = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:refreshAssociation", "name": "again", "inputs": {"associationIds": []}}],
}
SHUT = (
    "BEGIN:VCALENDAR\nPRODID:-//AWS//Change Calendar 1.0//EN\nVERSION:2.0\n"
    "X-CALENDAR-TYPE:DEFAULT_CLOSED\nEND:VCALENDAR\n"
)


def refresh(estate, node_id, **request):
    """What the node is told: by association, the execution's id or why there is none."""
    found, more = {}, {}
    while True:
        answer = by(estate, node_id, "RefreshInstanceAssociations", InstanceId=node_id, **request, **more)
        found |= {one["AssociationId"]: one for one in answer["Associations"]}
        if "NextToken" not in answer:
            estate.work()
            return found
        more = {"NextToken": answer["NextToken"]}


def test_all_that_is_for_the_node_is_applied_to_it_alone_and_schedules_stay(estate):
    one, other = estate.node(Role="web"), estate.node(Role="web")
    tagged = estate.associate(
        Targets=[{"Key": "tag:Role", "Values": ["web"]}], ScheduleExpression="rate(1 day)"
    )
    estate.associate(other)
    estate.work()
    estate.end()
    answered = refresh(estate, one)
    assert list(answered) == [tagged]
    execution = answered[tagged]["ExecutionId"]
    assert list(estate.targets(tagged, execution)) == [one]
    estate.end()
    assert estate.targets(tagged, execution) == {one: "Success"}
    before = len(estate.executions(tagged))
    estate.later(86_400)
    assert len(estate.executions(tagged)) == before + 1


def test_named_ones_are_applied_even_where_only_their_schedule_would(estate):
    node = estate.node()
    waits = estate.associate(node, ScheduleExpression="cron(0 12 ? * * *)", ApplyOnlyAtCronInterval=True)
    estate.associate(node)
    estate.work()
    estate.end()
    answered = refresh(estate, node, AssociationIds=[waits])
    assert list(answered) == [waits] and answered[waits]["ExecutionId"]


def test_what_is_not_for_the_node_does_not_exist_for_it(estate):
    node, other = estate.node(), estate.node()
    theirs = estate.associate(other)
    for missing in (theirs, "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(AwsError) as refused:
            refresh(estate, node, AssociationIds=[missing])
        assert refused.value.code == "AssociationDoesNotExist"
    with pytest.raises(AwsError, match="not authorized"):
        by(estate, other, "RefreshInstanceAssociations", InstanceId=node)


def test_what_is_not_applied_says_why(estate):
    node = estate.node()
    estate.call(
        "CreateDocument", Name="shut", Content=SHUT, DocumentType="ChangeCalendar", DocumentFormat="TEXT"
    )
    estate.call("CreateDocument", Name="Again", Content=json.dumps(REFRESH), DocumentType="Command")
    closed = estate.associate(node, CalendarNames=["shut"], ScheduleExpression="rate(1 day)")
    again = estate.associate(node, Name="Again", Parameters={})
    running = estate.associate(node)
    estate.work()
    answered = refresh(estate, node)
    assert answered[closed]["Message"] == "CalendarClosed"
    # Otherwise it would refresh itself without end.
    assert "refreshes associations itself" in answered[again]["Message"]
    assert "being applied" in answered[running]["Message"]
    assert not any("ExecutionId" in each for each in answered.values())


def test_many_are_applied_in_bounded_steps(estate):
    node = estate.node()
    made = [estate.associate(node, AssociationName=f"n-{number:03}") for number in range(45)]
    estate.work()
    estate.end()
    assert set(refresh(estate, node)) == set(made)
