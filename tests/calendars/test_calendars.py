"""Change Calendar as real clients use it: states, several calendars, shared ones, and what is told."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities import calendars
from hostreeve.kernel.scope import Scope
from hostreeve.scheduling.clock import date_ms
from tests.documents.conftest import OTHER_ACCOUNT, refused

HEAD = "BEGIN:VCALENDAR\nPRODID:-//AWS//Change Calendar 1.0//EN\nVERSION:2.0\nX-CALENDAR-TYPE:{}\n"
EVENT = "BEGIN:VEVENT\nUID:{0}\nDTSTART:{0}\nDTEND:{1}\nEND:VEVENT\n"
FREEZE = EVENT.format("20271224T150000Z", "20280104T150000Z")


def create(ssm, name, events="", kind="DEFAULT_OPEN"):
    ssm.create_document(
        Name=name,
        Content=HEAD.format(kind) + events + "END:VCALENDAR\n",
        DocumentType="ChangeCalendar",
        DocumentFormat="TEXT",
    )


def state(ssm, *names, at=None):
    answer = ssm.get_calendar_state(CalendarNames=list(names), **({"AtTime": at} if at else {}))
    return answer["State"], answer.get("NextTransitionTime")


def told(house, arn):
    def unit(tx):
        return tx.all(
            "SELECT detail_type, detail FROM outbox_event WHERE aggregate = :arn ORDER BY sequence", arn=arn
        )

    return [(row["detail_type"], json.loads(row["detail"])) for row in house.app.database.read_sync(unit)]


def test_the_state_inside_outside_and_at_the_boundary(ssm, name):
    create(ssm, name, FREEZE)
    assert state(ssm, name, at="2027-12-24T14:59:59Z") == ("OPEN", "2027-12-24T15:00:00Z")
    assert state(ssm, name, at="2027-12-30T00:00:00Z") == ("CLOSED", "2028-01-04T15:00:00Z")
    assert state(ssm, name, at="2028-01-04T15:00:00Z") == ("OPEN", None)


def test_the_time_may_have_an_offset_and_is_echoed_in_utc(ssm, name):
    create(ssm, name, FREEZE)
    answer = ssm.get_calendar_state(CalendarNames=[name], AtTime="2027-12-24T08:00:00-0700")
    assert (answer["AtTime"], answer["State"]) == ("2027-12-24T15:00:00Z", "CLOSED")


def test_now_is_the_default_and_a_calendar_without_events_never_changes(house, ssm, name):
    create(ssm, name, "BEGIN:VTODO\nSUMMARY:Add events to this calendar.\nEND:VTODO\n", "DEFAULT_CLOSED")
    answer = ssm.get_calendar_state(CalendarNames=[name])
    assert answer["State"] == "CLOSED"
    assert "NextTransitionTime" not in answer
    assert date_ms(answer["AtTime"]) == house.world.now_ms() // 1000 * 1000


def test_several_calendars_are_open_only_if_all_are(ssm, name):
    create(ssm, f"{name}a", FREEZE)
    create(ssm, f"{name}b", EVENT.format("20280101T000000Z", "20280201T000000Z"))
    both = (f"{name}a", f"{name}b")
    assert state(ssm, *both, at="2027-12-01T00:00:00Z") == ("OPEN", "2027-12-24T15:00:00Z")
    assert state(ssm, *both, at="2027-12-30T00:00:00Z") == ("CLOSED", "2028-02-01T00:00:00Z")


def test_the_gate_for_neighbours_knows_the_same(house, ssm, account, name):
    create(ssm, name, FREEZE)
    scope = Scope(account, "us-east-1")

    def is_open(*names, at="2027-12-30T00:00:00Z"):
        return house.app.database.read_sync(lambda tx: calendars.is_open(tx, scope, names, date_ms(at)))

    assert is_open()
    assert not is_open(name)
    assert is_open(name, at="2028-01-04T15:00:00Z")
    assert not is_open(f"arn:aws:ssm:us-east-1:{account}:document/{name}")


def test_a_shared_calendar_is_asked_by_its_arn_and_not_by_strangers(ssm, other, account, name):
    create(ssm, name, FREEZE)
    arn = f"arn:aws:ssm:us-east-1:{account}:document/{name}"
    assert refused(other.get_calendar_state, CalendarNames=[arn]) == "InvalidDocument"
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToAdd=[OTHER_ACCOUNT])
    assert state(other, arn, at="2027-12-30T00:00:00Z") == ("CLOSED", "2028-01-04T15:00:00Z")
    assert refused(other.get_calendar_state, CalendarNames=[name]) == "InvalidDocument"


def test_what_is_no_calendar_is_refused(ssm, name):
    assert refused(ssm.get_calendar_state, CalendarNames=["AWS-RunShellScript"]) == "InvalidDocumentType"
    assert refused(ssm.get_calendar_state, CalendarNames=[name]) == "InvalidDocument"
    assert refused(ssm.get_calendar_state, CalendarNames=[]) == "ValidationException"
    create(ssm, name)
    for wrong in ("soon", "2027-13-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"):
        assert refused(ssm.get_calendar_state, CalendarNames=[name], AtTime=wrong) == "ValidationException"


def test_a_calendar_that_cannot_be_understood_is_never_stored(ssm, name):
    with pytest.raises(ClientError, match="line 7: TZID: 'Mars' is not a time zone") as refusal:
        create(ssm, name, FREEZE.replace("DTSTART:20271224T150000Z", "DTSTART;TZID=Mars:20271224T150000"))
    assert refusal.value.response["Error"]["Code"] == "InvalidDocumentContent"


def test_a_calendar_that_an_older_version_let_pass_is_unsupported(house, ssm, name):
    create(ssm, name, FREEZE)
    house.app.database.write_sync(
        lambda tx: tx.run(
            "UPDATE document_versions SET source_text = 'BEGIN:VCALENDAR' WHERE name = :name", name=name
        )
    )
    assert refused(ssm.get_calendar_state, CalendarNames=[name]) == "UnsupportedCalendarException"
    house.world.advance(1)
    house.tick()


def test_every_transition_is_told_once_in_aws_shape(house, ssm, account, name):
    now_s = house.world.now_ms() // 1000
    begin, end = (_utc(now_s + 600 * number) for number in (1, 3))
    create(ssm, name, EVENT.format(begin, end))
    arn = f"arn:aws:ssm:us-east-1:{account}:document/{name}"
    house.tick()
    assert told(house, arn) == []
    house.world.advance(599)
    house.tick()
    assert told(house, arn) == []
    house.world.advance(1)
    house.tick()
    house.tick()
    (opened,) = told(house, arn)
    assert opened[0] == "Calendar State Change"
    assert opened[1]["state"] == "CLOSED"
    assert set(opened[1]) == {"state", "atTime", "nextTransitionTime"}
    house.world.advance(1200)
    house.tick()
    assert [detail["state"] for _, detail in told(house, arn)] == ["CLOSED", "OPEN"]
    assert "nextTransitionTime" not in told(house, arn)[1][1]


def test_a_calendar_that_is_edited_tells_what_became_of_it(house, ssm, account, name):
    create(ssm, name)
    house.tick()
    always = EVENT.format("20200101T000000Z", "21000101T000000Z")
    ssm.update_document(
        Name=name,
        Content=HEAD.format("DEFAULT_OPEN") + always + "END:VCALENDAR\n",
        DocumentVersion="$LATEST",
        DocumentFormat="TEXT",
    )
    assert state(ssm, name)[0] == "OPEN"
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    assert state(ssm, name)[0] == "CLOSED"
    house.tick()
    arn = f"arn:aws:ssm:us-east-1:{account}:document/{name}"
    assert [detail["state"] for _, detail in told(house, arn)] == ["CLOSED"]


def test_a_calendar_that_is_gone_is_followed_no_more(house, ssm, account, name):
    create(ssm, name, FREEZE)
    house.tick()
    ssm.delete_document(Name=name)
    house.tick()
    left = house.app.database.read_sync(
        lambda tx: tx.all("SELECT 1 FROM calendars WHERE name = :name", name=name)
    )
    assert not left


def _utc(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def test_a_clock_that_jumps_forward_and_back_does_not_silence_a_calendar(house, ssm, account, name):
    began_ms = house.world.now_ms()
    create(ssm, name, FREEZE)
    house.tick()
    house.world.advance((date_ms("2030-01-01T00:00:00Z") - house.world.now_ms()) / 1000)
    house.tick()
    house.world.advance((began_ms - house.world.now_ms()) / 1000)
    house.tick()
    house.world.advance((date_ms("2027-12-30T00:00:00Z") - house.world.now_ms()) / 1000)
    house.tick()
    (change,) = told(house, f"arn:aws:ssm:us-east-1:{account}:document/{name}")
    assert change[1]["state"] == "CLOSED"
    house.world.advance((began_ms - house.world.now_ms()) / 1000)
    house.tick()
