"""What follows a step, when it is looked at, and how far a rate-controlled execution spreads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.capabilities.automations import lifecycle
from hostreeve.capabilities.automations.lifecycle import (
    EXECUTION_MAY_BECOME,
    STEP_MAY_BECOME,
    Move,
    Spread,
    Standing,
    after,
    plan,
    spread,
)
from hostreeve.capabilities.automations.model.runbook import read
from hostreeve.capabilities.automations.model.status import ENDED, Status, Tally, Verdict

S, F, T = Status.SUCCESS, Status.FAILED, Status.TIMED_OUT


def steps(*listed):
    """Steps by name with what they say beside."""
    raw = [{"name": name, "action": "aws:sleep", "inputs": {}, **more} for name, more in listed]
    return read({"mainSteps": raw}).steps


def moved(step, status, **more):
    found = steps(("one", step), ("two", {}), ("three", {}))
    return after(found, found[0], status, **more)


def test_steps_follow_in_the_order_of_the_document():
    assert moved({}, S) == Move("two")


def test_next_step_overrides_the_order():
    assert moved({"nextStep": "three"}, S) == Move("three")


def test_is_end_ends_after_the_step_whatever_its_result():
    assert moved({"isEnd": True, "nextStep": "three"}, S) == Move(None, "end")
    assert moved({"isEnd": True, "onFailure": "Continue"}, F) == Move(None, "end")
    assert moved({"isEnd": True, "onFailure": "step:two"}, F) == Move(None, "end", Verdict.FAILED)
    assert moved({"isEnd": "true"}, S) == Move(None, "end")


def test_a_failure_aborts_unless_something_else_is_said():
    assert moved({}, F) == Move(None, "abort", Verdict.FAILED)
    assert moved({"nextStep": "three"}, F) == Move(None, "abort", Verdict.FAILED)


def test_an_ignored_failure_counts_only_where_is_critical_is_said():
    assert moved({"onFailure": "Continue"}, F) == Move("two")
    assert moved({"onFailure": "Continue", "isCritical": True}, F) == Move("two", "", Verdict.FAILED)
    assert moved({"onFailure": "Continue", "isCritical": False}, F) == Move("two")


def test_a_caught_failure_still_fails_the_execution():
    assert moved({"onFailure": "step:three"}, F) == Move("three", "", Verdict.FAILED)
    assert moved({"onFailure": "step:three", "isCritical": False}, F) == Move("three")
    assert moved({"onFailure": "step:three", "isCritical": "false"}, F) == Move("three")


def test_an_uncaught_timeout_is_no_failure_but_a_timeout():
    assert moved({}, T) == Move(None, "abort", Verdict.TIMED_OUT)
    assert moved({"onFailure": "step:two"}, T) == Move("two", "", Verdict.TIMED_OUT)
    assert moved({"onFailure": "Continue"}, T) == Move("two")


def test_a_branch_goes_where_it_chose_even_if_it_says_is_end():
    assert moved({"isEnd": True}, S, chosen="three") == Move("three")
    assert moved({}, S, chosen=None) == Move("two")


def test_the_last_step_ends_the_runbook():
    found = steps(("one", {}), ("two", {}))
    assert after(found, found[1], S) == Move(None, "end")
    assert after(found, found[1], F) == Move(None, "abort", Verdict.FAILED)


def test_the_first_failure_decides_how_it_ends():
    assert lifecycle.worst(Verdict.TIMED_OUT, Verdict.FAILED) is Verdict.TIMED_OUT
    assert lifecycle.worst(Verdict.SUCCESS, Verdict.FAILED) is Verdict.FAILED
    assert lifecycle.worst(Verdict.FAILED, Verdict.SUCCESS) is Verdict.FAILED


@st.composite
def runbooks(draw):
    """Runbooks without circles, as documents are: every way leads forward."""
    size = draw(st.integers(1, 8))
    listed = []
    for number in range(size):
        more = {}
        ahead = [f"s{place}" for place in range(number + 1, size)]
        if ahead and draw(st.booleans()):
            more["nextStep"] = draw(st.sampled_from(ahead))
        catching = [f"step:{name}" for name in ahead]
        more["onFailure"] = draw(st.sampled_from(["Abort", "Continue", *catching]))
        if draw(st.booleans()):
            more["isCritical"] = draw(st.booleans())
        more["isEnd"] = draw(st.integers(0, 4)) == 0
        listed.append((f"s{number}", more))
    return steps(*listed)


@given(runbooks(), st.data())
def test_every_runbook_ends_and_ends_as_its_steps_did(found, data):
    at, verdict, seen, stops = found[0].name, Verdict.SUCCESS, [], ""
    while not stops:
        assert at not in seen, "a step was begun twice"
        seen.append(at)
        step = next(each for each in found if each.name == at)
        status = data.draw(st.sampled_from([S, F, T]))
        move = after(found, step, status)
        verdict = lifecycle.worst(verdict, move.verdict)
        stops, at = move.stops, move.to
        if status is S:
            assert move.verdict is Verdict.SUCCESS
        elif step.counts() or stops == "abort":
            assert move.verdict is (Verdict.TIMED_OUT if status is T else Verdict.FAILED)
        else:
            assert move.verdict is Verdict.SUCCESS
        assert (at is None) == bool(stops)
    assert stops == "end" or verdict is not Verdict.SUCCESS


NOW = 1_000


@pytest.mark.parametrize(
    ("standing", "deed", "due_ms"),
    [
        (Standing(), "begin", None),
        (Standing(is_held=True), "nothing", None),
        (Standing(is_stopping=True), "cancel", None),
        (Standing(status=Status.IN_PROGRESS, look_ms=900), "look", None),
        (Standing(status=Status.IN_PROGRESS, look_ms=1_100), "nothing", 1_100),
        (Standing(status=Status.IN_PROGRESS, look_ms=1_100, deadline_ms=1_050), "nothing", 1_050),
        (Standing(status=Status.IN_PROGRESS, look_ms=900, deadline_ms=1_000), "expire", None),
        (Standing(status=Status.WAITING), "nothing", None),
        (Standing(status=Status.WAITING, deadline_ms=2_000), "nothing", 2_000),
        (Standing(status=Status.IN_PROGRESS, errand_until_ms=1_000), "interrupted", None),
        (Standing(status=Status.IN_PROGRESS, errand_until_ms=1_500), "nothing", 1_500),
        (Standing(status=Status.IN_PROGRESS, errand_until_ms=1_500, is_stopping=True), "cancel", None),
        (Standing(status=Status.IN_PROGRESS, cancel_until_ms=1_000), "give_up", None),
        (Standing(status=Status.IN_PROGRESS, cancel_until_ms=1_800), "nothing", 1_800),
        (Standing(status=S), "nothing", None),
    ],
)
def test_what_is_done_about_the_step_whose_turn_it_is(standing, deed, due_ms):
    assert (plan(standing, NOW).deed, plan(standing, NOW).due_ms) == (deed, due_ms)


times = st.none() | st.integers(0, 2_000)


@given(
    st.builds(
        Standing,
        status=st.sampled_from(sorted(Status)),
        deadline_ms=times,
        look_ms=times,
        errand_until_ms=times,
        is_stopping=st.booleans(),
        cancel_until_ms=times,
        is_held=st.booleans(),
    )
)
def test_what_waits_for_a_time_is_looked_at_then_and_not_before(standing):
    found = plan(standing, NOW)
    if found.deed == "nothing" and found.due_ms is not None:
        assert found.due_ms > NOW
        assert plan(standing, found.due_ms).deed != "nothing"


def test_retries_are_for_failures_and_timeouts():
    assert lifecycle.tries_again(F, 1, 3)
    assert lifecycle.tries_again(T, 2, 3)
    assert not lifecycle.tries_again(F, 3, 3)
    assert not lifecycle.tries_again(S, 1, 3)
    assert not lifecycle.tries_again(Status.CANCELLED, 1, 3)


def run(total, concurrency, errors, outcomes):
    """Spread to the end; children end one by one, the oldest first."""
    tally, waves, alive = Tally(total=total), [], 0
    for _ in range(10_000):
        found = spread(tally, max_concurrency=concurrency, max_errors=errors)
        if found.conclude is not None:
            return tally, waves, found.conclude
        alive += found.begin
        waves.append(alive)
        tally = Tally(**{**_fields(tally), "begun": tally.begun + found.begin})
        name = outcomes(tally.ended)
        tally = Tally(**{**_fields(tally), name: getattr(tally, name) + 1})
        alive -= 1
    raise AssertionError("it never ends")


def _fields(tally):
    return {name: getattr(tally, name) for name in tally.__struct_fields__}


def test_concurrency_grows_with_what_has_ended():
    _, waves, _ = run(20, "8", "0", lambda number: "success")
    assert waves[0] == 1
    assert max(waves) == 8
    assert waves[:4] == [1, 2, 3, 4]


def test_the_error_after_the_allowed_ones_ends_the_beginning_of_others():
    tally, _, verdict = run(5, "1", "1", lambda number: "failed")
    assert (tally.begun, verdict) == (2, Verdict.FAILED)
    tally, _, verdict = run(5, "1", "0", lambda number: "failed")
    assert (tally.begun, verdict) == (1, Verdict.FAILED)


def test_ten_percent_of_fifty_stops_at_the_sixth_error():
    tally, _, verdict = run(50, "1", "10%", lambda number: "failed")
    assert (tally.begun, verdict) == (6, Verdict.FAILED)


def test_below_the_threshold_it_ends_well():
    tally, _, verdict = run(5, "2", "2", lambda number: "timed_out" if number < 2 else "success")
    assert (tally.ended, verdict) == (5, Verdict.SUCCESS)


def test_nothing_to_do_is_done_well():
    assert spread(Tally(), max_concurrency="1", max_errors="0") == Spread(conclude=Verdict.SUCCESS)


@given(
    st.integers(0, 60),
    st.sampled_from(["1", "3", "50", "10%", "100%"]),
    st.sampled_from(["0", "2", "10%", "100%"]),
    st.lists(st.sampled_from(["success", "failed", "timed_out", "cancelled"]), min_size=60, max_size=60),
)
def test_a_spread_keeps_its_limits_and_ends(total, concurrency, errors, outcomes):
    tally, waves, verdict = run(total, concurrency, errors, lambda number: outcomes[number])
    assert max(waves, default=0) <= max(1, lifecycle.amount(concurrency, total))
    allowed = lifecycle.amount(errors, total)
    assert (verdict is Verdict.FAILED) == (tally.errors > allowed)
    if verdict is Verdict.SUCCESS:
        assert tally.begun == tally.ended == total


@pytest.mark.parametrize("table", [EXECUTION_MAY_BECOME, STEP_MAY_BECOME])
def test_what_has_ended_stays_so(table):
    assert set(table) == set(Status)
    assert {status for status, then in table.items() if not then} == ENDED
