"""Windows and time: late servers, clocks that jump, zones, offsets, dates, replicas, and rows that fail."""

import asyncio

import pytest

from hostreeve.capabilities.windows import worker
from hostreeve.capabilities.windows.actions import opening
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.scheduling.clock import date_ms
from tests.windows.estate import DAY_S, HOUR_S, MINUTE_S

both_engines = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


def at(estate, text):
    """It is that time now; workers have not looked yet."""
    estate.world.advance((date_ms(text) - estate.world.now_ms()) / 1000)


def next_time(ssm, window):
    return ssm.get_maintenance_window(WindowId=window).get("NextExecutionTime")


@pytest.fixture
def ahead(estate):
    """A year that no other test of this module has been in: `ahead("-03-01T00:00:00Z")`."""
    year = int(estate.ssm.get_maintenance_window(WindowId=estate.window())["CreatedDate"].year) + 2

    def go(rest):
        at(estate, f"{year}{rest}")
        return year

    go("-01-01T00:00:00Z")
    estate.house.tick()
    for window in estate.ssm.describe_maintenance_windows()["WindowIdentities"]:
        estate.ssm.delete_maintenance_window(WindowId=window["WindowId"])
    return go


def test_a_server_that_was_down_opens_a_window_late_and_once(estate, ssm):
    window = estate.window("rate(1 day)", Duration=4, Cutoff=1)
    estate.task(window, estate.target(window, estate.node()))
    estate.later(DAY_S + 2 * HOUR_S)
    assert estate.statuses(window) == ["IN_PROGRESS"]
    estate.house.tick()
    assert len(estate.executions(window)) == 1
    # It does not stay open for longer: three hours after its time nothing begins any more.
    estate.task(window, estate.target(window, estate.node()))
    estate.finish()
    assert estate.statuses(window) == ["SUCCESS"]
    due = next_time(ssm, window)
    estate.later(22 * HOUR_S)
    assert len(estate.executions(window)) == 2
    assert next_time(ssm, window) != due


def test_a_window_that_opens_late_keeps_its_cutoff(estate):
    window = estate.window("rate(1 day)", Duration=4, Cutoff=1)
    target = estate.target(window, estate.node())
    for priority in (0, 1):
        estate.task(window, target, Priority=priority)
    estate.later(DAY_S + 2 * HOUR_S)
    estate.later(HOUR_S)
    assert [task["Status"] for task in estate.tasks(window)] == ["IN_PROGRESS", "TIMED_OUT"]


def test_a_window_that_opens_between_cutoff_and_end_starts_nothing(estate):
    window = estate.window("rate(1 day)", Duration=4, Cutoff=1)
    estate.task(window, estate.target(window, estate.node()))
    estate.later(DAY_S + 3 * HOUR_S)
    assert estate.statuses(window) == ["TIMED_OUT"]
    assert not estate.waiting()


def test_a_window_that_was_over_before_the_server_came_back_is_missed_and_says_so(estate):
    window = estate.window("rate(1 day)", Duration=4, Cutoff=1)
    estate.task(window, estate.target(window, estate.node()))
    estate.later(DAY_S + 5 * HOUR_S)
    (execution,) = estate.executions(window)
    assert (execution["Status"], execution["StatusDetails"]) == (
        "TIMED_OUT",
        "The maintenance window was over before it could be opened.",
    )
    assert not estate.waiting()


@pytest.mark.parametrize("schedule", ["rate(5 minutes)", "cron(*/10 * * * ? *)", "rate(2 hours)"])
def test_many_missed_times_are_one_execution(estate, schedule):
    window = estate.window(schedule, Duration=1, Cutoff=0)
    estate.later(30 * DAY_S + 7 * HOUR_S)
    assert len(estate.executions(window)) == 1


@both_engines
def test_two_replicas_open_a_window_once(estate):
    window = estate.window("rate(1 hour)")
    estate.task(window, estate.target(window, estate.node()))
    estate.world.advance(HOUR_S)
    # Both have seen that it is due before either opens it.
    now_ms = estate.world.now_ms()
    due = estate.database.read_sync(lambda tx: store.due(tx, now_ms, 10))
    assert [window_id for _, window_id in due] == [window]

    async def together():
        ticks = (worker.tick(estate.database, estate.world, estate.house.keys) for _ in range(4))
        opened = (
            estate.database.write(
                lambda tx: opening.open_window(tx, estate.scope, window, world=estate.world, now_ms=now_ms)
            )
            for _ in range(4)
        )
        await asyncio.gather(*ticks, *opened)

    estate.house.loop.run_until_complete(together())
    estate.house.tick()
    assert estate.statuses(window) == ["IN_PROGRESS"]
    assert len(estate.waiting()) == 1


def test_a_clock_that_jumps_forward_and_back_does_not_silence_a_window(estate):
    window = estate.window("rate(1 day)")
    years_s = 10 * 365 * DAY_S
    estate.later(years_s)
    count = len(estate.executions(window))
    estate.later(-years_s)
    estate.later(DAY_S)
    estate.later(DAY_S)
    assert len(estate.executions(window)) >= count + 1


def test_a_clock_that_is_corrected_does_not_open_a_window_for_the_same_time_again(estate, ssm):
    window = estate.window("rate(1 day)")
    estate.later(DAY_S)
    due = next_time(ssm, window)
    estate.later(-2 * HOUR_S)
    assert next_time(ssm, window) == due
    estate.later(3 * HOUR_S)
    assert len(estate.executions(window)) == 1


@pytest.mark.parametrize("month", ["03", "10"])
def test_a_night_on_which_clocks_are_set_has_one_window(estate, ahead, month):
    # In Berlin that is the last Sunday of the month, between 02:00 and 03:00.
    ahead(f"-{month}-24T12:00:00Z")
    window = estate.window("cron(30 2 ? * * *)", ScheduleTimezone="Europe/Berlin", Duration=1, Cutoff=0)
    for _ in range(8 * 24):
        estate.world.advance(HOUR_S)
        while estate.house.loop.run_until_complete(
            worker.tick(estate.database, estate.world, estate.house.keys)
        ):
            pass
    times = [each["StartTime"] for each in estate.executions(window)]
    assert len(times) == len({time.date() for time in times}) == 8


def test_start_and_end_bound_when_a_window_opens(estate, ssm, ahead):
    year = ahead("-01-01T00:00:00Z")
    window = estate.window(
        "cron(0 09 ? * WED *)",
        ScheduleTimezone="America/Los_Angeles",
        StartDate=f"{year}-06-01T00:00:00-08:00",
        EndDate=f"{year}-06-16T00:00:00Z",
    )
    first = next_time(ssm, window)
    assert first.startswith(f"{year}-06-0") and first.endswith("T09:00-07:00")
    ahead("-06-30T00:00:00Z")
    estate.house.tick()
    assert next_time(ssm, window) is None
    # Of the two Wednesdays the last is shown as missed: nobody looked for a month.
    assert estate.statuses(window) == ["TIMED_OUT"]


def test_an_offset_skips_a_period_whose_base_day_is_over(estate, ssm, ahead):
    ahead("-01-01T00:00:00Z")
    window = estate.window("cron(30 23 ? * TUE#3 *)", ScheduleOffset=2)
    year, month, day = (int(part) for part in next_time(ssm, window)[:10].split("-"))
    assert month == 1
    at(estate, f"{year}-01-{day - 1:02}T08:00:00Z")
    late = estate.window("cron(30 23 ? * TUE#3 *)", ScheduleOffset=2, Name="Late")
    assert next_time(ssm, late).startswith(f"{year}-02-")


def test_at_opens_a_window_once_by_the_clock_of_its_zone(estate, ssm, ahead):
    year = ahead("-01-01T00:00:00Z")
    window = estate.window(f"at({year}-02-03T09:00)", ScheduleTimezone="Asia/Tokyo")
    assert next_time(ssm, window) == f"{year}-02-03T09:00+09:00"
    ahead("-02-02T23:59:59Z")
    estate.house.tick()
    assert estate.executions(window) == []
    estate.later(1)
    assert estate.statuses(window) == ["SUCCESS"]
    assert next_time(ssm, window) is None
    estate.later(DAY_S)
    assert len(estate.executions(window)) == 1


def test_a_window_that_fails_does_not_keep_the_others_from_opening(estate, caplog):
    broken, sound = estate.window("rate(1 hour)"), estate.window("rate(1 hour)", Name="Sound")
    estate.database.write_sync(
        lambda tx: tx.run("UPDATE windows SET body = 'x' WHERE window_id = :broken", broken=broken)
    )
    estate.world.advance(HOUR_S)
    estate.house.tick()
    assert estate.statuses(sound) == ["SUCCESS"]
    assert "could not be moved on" in caplog.text
    due = estate.database.read_sync(store.next_due_ms)
    assert due == estate.world.now_ms() + MINUTE_S * 1000
    estate.database.write_sync(lambda tx: tx.run("DELETE FROM windows WHERE window_id = :id", id=broken))


def test_hundreds_of_windows_of_one_second_are_opened_in_bounded_steps(estate):
    """The worker takes a hundred at a time: neither the loop nor a transaction belongs to them alone."""
    from hostreeve.capabilities.windows.model.window import Window

    now_ms, count = estate.world.now_ms(), 500

    def plant(tx):
        for number in range(count):
            window = Window(
                window_id=f"mw-{number:017x}",
                name="Many",
                schedule="rate(1 hour)",
                duration_h=1,
                cutoff_h=0,
                allows_unassociated=False,
                created_ms=now_ms,
                modified_ms=now_ms,
                anchor_ms=now_ms,
            )
            store.insert(tx, estate.scope, window, due_ms=window.following(now_ms), now_ms=now_ms)

    estate.database.write_sync(plant)
    estate.world.advance(HOUR_S)
    moved = estate.house.loop.run_until_complete(
        worker.tick(estate.database, estate.world, estate.house.keys)
    )
    assert moved == worker.AT_ONCE
    estate.house.tick()
    left = estate.database.read_sync(lambda tx: store.due(tx, estate.world.now_ms(), 1))
    assert not left
    opened = estate.database.read_sync(
        lambda tx: tx.one("SELECT count(*) AS n FROM window_executions WHERE window_id LIKE 'mw-0000%'")
    )
    assert opened["n"] == count
    estate.database.write_sync(lambda tx: tx.run("DELETE FROM windows"))


def test_a_window_that_could_not_be_opened_for_hours_is_over_when_it_can(estate):
    """What is put off minute by minute does not take the window's end with it."""
    window = estate.window("rate(1 day)", Duration=2, Cutoff=1)
    estate.task(window, estate.target(window, estate.node()))
    body = estate.database.read_sync(
        lambda tx: tx.one("SELECT body FROM windows WHERE window_id = :window", window=window)
    )["body"]

    def write(text):
        estate.database.write_sync(
            lambda tx: tx.run("UPDATE windows SET body = :b WHERE window_id = :w", b=text, w=window)
        )

    write("unreadable")
    estate.later(DAY_S)
    for _ in range(12):
        estate.later(15 * MINUTE_S)
    write(body)
    estate.later(MINUTE_S)
    assert estate.statuses(window) == ["TIMED_OUT"]
    assert not estate.waiting()


def test_an_edit_right_after_a_clock_jumped_back_does_not_silence_a_window(estate, ssm):
    window = estate.window("rate(1 day)")
    years_s = 10 * 365 * DAY_S
    estate.later(years_s)
    count = len(estate.executions(window))
    estate.world.advance(-years_s)
    ssm.update_maintenance_window(WindowId=window, Name="Renamed")
    estate.house.tick()
    estate.later(DAY_S)
    estate.later(DAY_S)
    assert len(estate.executions(window)) >= count + 1


def test_a_correction_repeats_nothing_even_after_a_clock_was_wrong_by_weeks(estate):
    """The newest execution by its time is one of the wrong clock's: it says nothing of today."""
    window = estate.window("rate(1 day)")
    estate.later(40 * DAY_S)
    estate.later(-40 * DAY_S)
    estate.later(DAY_S + MINUTE_S)
    before = len(estate.executions(window))
    estate.later(-2 * HOUR_S)
    estate.later(3 * HOUR_S)
    assert len(estate.executions(window)) == before
