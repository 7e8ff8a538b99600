"""The plan of an execution: examples, and properties that hold whatever happens."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hostreeve.capabilities.windows import lifecycle
from hostreeve.capabilities.windows.lifecycle import (
    EXECUTION_MAY_BECOME,
    INVOCATION_MAY_BECOME,
    TASK_MAY_BECOME,
    Progress,
    TaskStanding,
    Verdict,
    plan,
)
from hostreeve.capabilities.windows.model.execution import Status
from hostreeve.capabilities.windows.model.pseudo import NAMES, named_in, put_in

CUTOFF_MS = 1_000


def task(task_id="a", status=Status.IN_PROGRESS, **more):
    return TaskStanding(task_execution_id=task_id, status=status, **more)


def decided(*tasks, now_ms=0, **progress):
    return plan(Progress(cutoff_ms=CUTOFF_MS, **progress), tasks, now_ms)


def test_an_execution_without_tasks_is_a_success():
    assert decided().conclude == Verdict(Status.SUCCESS, "No tasks to execute.")


def test_the_lowest_number_goes_first_and_equal_ones_together():
    waiting = [task("a", Status.PENDING, priority=2), task("b", Status.PENDING, priority=1)]
    assert decided(*waiting, task("c", Status.PENDING, priority=1)).prepare == ("b", "c")
    running = task("b", priority=1, running=1)
    assert decided(waiting[0], running).is_nothing
    ended = task("b", Status.SUCCESS, priority=1, success=1)
    assert decided(waiting[0], ended).prepare == ("a",)


def test_commands_take_one_target_after_the_other_and_others_as_many_as_they_may():
    assert decided(task(pending=5, max_concurrency="50")).start == (("a", 1),)
    assert decided(task(pending=5, running=1, max_concurrency="50")).start == ()
    assert decided(task(pending=8, running=2, max_concurrency="50%", is_command=False)).start == (("a", 3),)
    assert decided(task(pending=3, max_concurrency="1%", is_command=False)).start == (("a", 1),)


@pytest.mark.parametrize(
    ("standing", "dropped"),
    [
        (task(pending=1, failed=1, errors=1, max_errors="1"), False),
        (task(pending=1, failed=2, errors=2, max_errors="1"), True),
        (task(pending=1, failed=1, errors=1, resources=10, max_errors="10%"), False),
        (task(pending=1, failed=1, errors=2, resources=10, max_errors="10%"), True),
        (task(pending=1, failed=1, errors=1, max_errors="0"), True),
    ],
)
def test_the_error_after_max_errors_drops_what_waits(standing, dropped):
    found = decided(standing)
    assert (found.drop != (), found.start == ()) == (dropped, dropped)


def test_at_the_cutoff_what_waits_for_its_turn_ends_and_what_runs_goes_on():
    running, waiting = task("a", running=1, pending=1), task("b", Status.PENDING, priority=1)
    found = decided(running, waiting, now_ms=CUTOFF_MS)
    assert found.end == (("b", Verdict(Status.TIMED_OUT, lifecycle.NOT_STARTED)),)
    ended = task("b", Status.TIMED_OUT, priority=1)
    assert decided(running, ended, now_ms=CUTOFF_MS).is_nothing
    next_one = task("a", success=1, pending=1)
    assert decided(next_one, ended, now_ms=CUTOFF_MS).start == (("a", 1),)


def test_cancel_task_cancels_commands_and_leaves_others_alone():
    command = task(running=1, pending=1, cancels_at_cutoff=True)
    found = decided(command, now_ms=CUTOFF_MS)
    assert (found.cancel, found.drop) == (("a",), (("a", Verdict(Status.TIMED_OUT, lifecycle.CUT_OFF)),))
    function = msgspec.structs.replace(command, is_command=False)
    found = decided(function, now_ms=CUTOFF_MS)
    assert (found.cancel, found.drop[0][0]) == ((), "a")


def test_a_task_is_as_good_as_its_worst_invocation():
    for counts, status in (
        ({"success": 2}, Status.SUCCESS),
        ({"success": 1, "cancelled": 1}, Status.CANCELLED),
        ({"cancelled": 1, "timed_out": 1}, Status.TIMED_OUT),
        ({"timed_out": 1, "failed": 1}, Status.FAILED),
        ({}, Status.SUCCESS),
    ):
        assert decided(task(**counts)).end[0][1].status is status


def test_every_status_is_reached_and_final_ones_are_left_by_nobody():
    for machine in (EXECUTION_MAY_BECOME, TASK_MAY_BECOME, INVOCATION_MAY_BECOME):
        reached = {status for targets in machine.values() for status in targets}
        assert reached >= {Status.SUCCESS, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED}
        for status in lifecycle.ENDED & machine.keys():
            assert not machine[status]


class OneExecution(RuleBasedStateMachine):
    """An execution that is moved on by its plan while its invocations end as they like."""

    @initialize(
        tasks=st.lists(
            st.tuples(
                st.integers(0, 2),
                st.booleans(),
                st.booleans(),
                st.sampled_from(["1", "2", "50%", "100%"]),
                st.sampled_from(["0", "1", "50%"]),
                st.integers(0, 4),
            ),
            max_size=4,
        )
    )
    def begin(self, tasks):
        self.now_ms, self.is_cancelling, self.verdict = 0, False, None
        self.places = {}
        self.tasks = {}
        for number, (priority, is_command, cancels, concurrency, errors, places) in enumerate(tasks):
            name = f"t{number}"
            self.places[name] = places
            self.tasks[name] = TaskStanding(
                task_execution_id=name,
                priority=priority,
                is_command=is_command,
                cancels_at_cutoff=cancels,
                max_concurrency=concurrency,
                max_errors=errors,
            )

    def move(self, name, **changes):
        self.tasks[name] = msgspec.structs.replace(self.tasks[name], **changes)

    def become(self, name, status):
        assert status in TASK_MAY_BECOME[self.tasks[name].status]
        self.move(name, status=status)

    @rule()
    def tick(self):
        if self.verdict is not None:
            return
        progress = Progress(cutoff_ms=CUTOFF_MS, is_cancelling=self.is_cancelling)
        found = plan(progress, list(self.tasks.values()), self.now_ms)
        is_closed = self.now_ms >= CUTOFF_MS or self.is_cancelling
        for name, verdict in found.end:
            self.become(name, verdict.status)
        for name, verdict in found.drop:
            field = {Status.TIMED_OUT: "timed_out", Status.CANCELLED: "cancelled"}[verdict.status]
            one = self.tasks[name]
            self.move(name, pending=0, **{field: getattr(one, field) + one.pending})
        for name in found.cancel:
            assert self.tasks[name].is_command and self.now_ms >= CUTOFF_MS
            one = self.tasks[name]
            self.move(name, running=0, cancelling=one.cancelling + one.running)
        for name in found.prepare:
            assert not is_closed, "a task begins in a window that is closed"
            others = [one for key, one in self.tasks.items() if key != name and not one.has_ended]
            assert all(one.priority >= self.tasks[name].priority for one in others)
            self.become(name, Status.IN_PROGRESS)
            self.move(name, pending=self.places[name])
        for name, room in found.start:
            one = self.tasks[name]
            assert 0 < room <= one.pending
            assert not (one.cancels_at_cutoff and self.now_ms >= CUTOFF_MS), "started after its cutoff"
            most = 1 if one.is_command else lifecycle.concurrency(one.max_concurrency, one.total)
            assert one.running + one.cancelling + room <= most
            allowed = lifecycle.errors_allowed(one.max_errors, one.resources if one.is_command else one.total)
            assert one.errors <= allowed, "started beyond MaxErrors"
            self.move(name, pending=one.pending - room, running=one.running + room)
        if found.conclude is not None:
            assert all(one.has_ended for one in self.tasks.values())
            assert Status.CANCELLED is found.conclude.status or not self.is_cancelling
            self.verdict = found.conclude

    @rule(data=st.data())
    def one_ends(self, data):
        running = [name for name, one in self.tasks.items() if one.running + one.cancelling]
        if not running:
            return
        name = data.draw(st.sampled_from(sorted(running)))
        one = self.tasks[name]
        where = "cancelling" if one.cancelling else "running"
        how = data.draw(st.sampled_from(["success", "failed", "timed_out", "cancelled"]))
        failed = int(how != "success")
        self.move(
            name,
            **{where: getattr(one, where) - 1, how: getattr(one, how) + 1},
            resources=one.resources + 1,
            errors=one.errors + failed,
        )

    @rule()
    def the_cutoff_comes(self):
        self.now_ms = CUTOFF_MS

    @rule()
    def somebody_cancels(self):
        self.is_cancelling = self.is_cancelling or self.verdict is None

    @invariant()
    def a_task_that_ended_has_nothing_left(self):
        for one in getattr(self, "tasks", {}).values():
            assert not (one.has_ended and (one.pending or one.running or one.cancelling))

    def teardown(self):
        """Whatever happened, it comes to an end once its invocations have."""
        for _ in range(100):
            if getattr(self, "verdict", True) is not None:
                return
            self.tick()
            for name, one in list(self.tasks.items()):
                ended = one.running + one.cancelling
                self.move(name, running=0, cancelling=0, success=one.success + ended)
        raise AssertionError("the execution never ends")


TestOneExecution = OneExecution.TestCase
TestOneExecution.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_pseudo_parameters_are_put_in_once_and_others_left_alone():
    known = {name: f"<{name}>" for name in NAMES} | {"WINDOW_ID": "{{INVOCATION_ID}}"}
    given_value = {
        "a": ["{{ WINDOW_ID }}-{{TARGET_ID}}", {"b": "{{ssm:x}} {{window_id}} {{WINDOW_IDS}}"}],
        "n": 1,
    }
    assert put_in(given_value, known) == {
        "a": ["{{INVOCATION_ID}}-<TARGET_ID>", {"b": "{{ssm:x}} {{window_id}} {{WINDOW_IDS}}"}],
        "n": 1,
    }
    assert named_in(given_value) == {"WINDOW_ID", "TARGET_ID"}


@given(st.text(alphabet="{}WINDOW_ID x", max_size=30))
def test_text_without_pseudo_parameters_stays_as_it_is(text):
    if not named_in(text):
        assert put_in(text, {}) == text
