"""The planner of commands: tables of its rules, and a state machine that tries to break its promises."""

import re
from importlib.resources import files

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hostreeve.capabilities.commands.lifecycle import (
    BATCH_MAX,
    COMMAND_MAY_BECOME,
    COUNTED_AS,
    MAY_BECOME,
    OPEN,
    Progress,
    concurrency,
    errors_allowed,
    plan,
    room,
    sweep,
    verdict,
)
from hostreeve.capabilities.commands.model.status import CommandStatus, Status, Tally, shown
from tests.sampling import examples

FAR = 10_000_000


@pytest.mark.parametrize(
    ("limit", "targets", "expected"),
    [
        ("1", 10, 1),
        ("50", 10, 50),
        ("10%", 50, 5),
        ("10%", 5, 1),
        ("100%", 7, 7),
        ("1%", 99, 1),
        ("33%", 10, 3),
    ],
)
def test_concurrency_is_a_number_or_a_share_rounded_down_but_at_least_one(limit, targets, expected):
    assert concurrency(limit, targets) == expected


@pytest.mark.parametrize(
    ("limit", "targets", "expected"),
    [("0", 10, 0), ("3", 10, 3), ("10%", 50, 5), ("10%", 5, 0), ("0%", 99, 0), ("100%", 7, 7)],
)
def test_errors_allowed_are_a_number_or_a_share_rounded_down(limit, targets, expected):
    assert errors_allowed(limit, targets) == expected


VERDICTS = [
    # What the command was told, how its invocations ended, and what that makes of it.
    ({}, {"total": 2, "success": 2}, CommandStatus.SUCCESS),
    ({}, {"total": 2, "success": 1, "failed": 1}, CommandStatus.FAILED),
    ({"max_errors": "1"}, {"total": 3, "success": 2, "failed": 1}, CommandStatus.INCOMPLETE),
    ({}, {"total": 2, "success": 1, "execution_timed_out": 1}, CommandStatus.EXECUTION_TIMED_OUT),
    ({}, {"total": 2, "failed": 1, "execution_timed_out": 1}, CommandStatus.FAILED),
    ({}, {"total": 2, "success": 1, "delivery_timed_out": 1}, CommandStatus.DELIVERY_TIMED_OUT),
    ({"max_errors": "1"}, {"total": 2, "success": 1, "delivery_timed_out": 1}, CommandStatus.INCOMPLETE),
    ({}, {"total": 2, "failed": 1, "delivery_timed_out": 1}, CommandStatus.FAILED),
    ({}, {"total": 3, "never_ran": 3}, CommandStatus.FAILED),
    ({}, {"total": 3, "never_ran": 2, "success": 1}, CommandStatus.SUCCESS),
    ({}, {"total": 3, "failed": 1, "terminated": 2}, CommandStatus.FAILED),
    ({"is_cancelling": True}, {"total": 3, "cancelled": 2, "success": 1}, CommandStatus.CANCELLED),
    ({"is_cancelling": True}, {"total": 2, "cancelled": 1, "failed": 1}, CommandStatus.CANCELLED),
    ({"is_cancelling": True}, {"total": 2, "success": 2}, CommandStatus.SUCCESS),
    ({"is_cancelling": True, "is_resolved": False}, {}, CommandStatus.CANCELLED),
    ({}, {"total": 3, "cancelled": 1, "success": 2}, CommandStatus.INCOMPLETE),
    ({}, {"total": 2, "cancelled": 2}, CommandStatus.CANCELLED),
    ({}, {}, CommandStatus.NO_INSTANCES_IN_TAG),
    ({"is_resolved": False}, {}, CommandStatus.DELIVERY_TIMED_OUT),
    ({"max_errors": "100%"}, {"total": 2, "failed": 2}, CommandStatus.INCOMPLETE),
]


@pytest.mark.parametrize(("progress", "tally", "expected"), VERDICTS)
def test_the_status_of_a_command_follows_from_how_its_invocations_ended(progress, tally, expected):
    assert verdict(Progress(expires_ms=FAR, **progress), Tally(**tally)) is expected


def decided(progress, tally, pending=(), unended=(), now_ms=0):
    return plan(
        Progress(**{"expires_ms": FAR, **progress}),
        Tally(**tally),
        pending=pending,
        unended=unended,
        now_ms=now_ms,
    )


def test_no_more_are_sent_than_there_is_room_for():
    made = decided({"max_concurrency": "3"}, {"total": 10, "waiting": 8}, pending=["a", "b", "c"])
    assert made.send == ("a",)


def test_the_error_after_the_last_one_allowed_ends_what_waits():
    waiting = ["a", "b"]
    three = decided(
        {"max_errors": "3"}, {"total": 10, "waiting": 2, "failed": 3, "success": 5}, pending=waiting
    )
    four = decided(
        {"max_errors": "3"}, {"total": 10, "waiting": 2, "failed": 4, "success": 4}, pending=waiting
    )
    assert (three.send, three.terminate) == (("a", "b"), ())
    assert (four.send, four.terminate) == ((), ("a", "b"))


def test_deliveries_that_fail_do_not_count_as_errors():
    tally = {"total": 10, "waiting": 2, "delivery_timed_out": 4, "never_ran": 4}
    assert decided({}, tally, pending=["a", "b"]).send == ("a", "b")


def test_what_is_running_finishes_after_too_many_errors():
    made = decided({}, {"total": 3, "failed": 1, "terminated": 1})
    assert made.conclude is None
    assert not made.terminate


def test_everything_that_has_not_ended_expires_with_the_command():
    made = decided({"expires_ms": 5}, {"total": 3, "waiting": 1, "success": 1}, unended=["a", "b"], now_ms=5)
    assert made.expire == ("a", "b")
    assert sweep(Progress(expires_ms=5), 5) == "expire"
    assert sweep(Progress(expires_ms=5), 4) == ""


def test_while_targets_are_looked_for_errors_hold_back_but_do_not_end():
    made = decided({"is_resolved": False}, {"total": 3, "waiting": 1, "failed": 1}, pending=["a"])
    assert made.resolve
    assert not made.send
    assert not made.terminate


def test_final_statuses_stay_and_every_status_can_be_reached():
    assert {status for status in Status if not MAY_BECOME[status]} == set(COUNTED_AS)
    reached = set().union(*MAY_BECOME.values()) | {Status.PENDING}
    assert reached == set(Status)
    reached = set().union(*COMMAND_MAY_BECOME.values()) | {CommandStatus.PENDING}
    assert reached == set(CommandStatus)


def test_the_schema_allows_exactly_the_statuses_that_there_are():
    folder = files("hostreeve.capabilities.commands").joinpath("schema")
    first, second = (folder.joinpath(name).read_text() for name in ("0001_commands.sql", "0002_besides.sql"))
    _, invocations = re.findall(r"CHECK \(status IN \((.*?)\)\)", first, re.S)
    (commands,) = re.findall(r"CHECK \(status IN \((.*?)\)\)", second, re.S)
    checks = [set(re.findall(r"'(\w+)'", check)) for check in (commands, invocations)]
    assert checks == [set(map(str, CommandStatus)), set(map(str, Status))]


def test_every_status_is_shown_as_one_of_awss():
    statuses = {
        "Pending",
        "InProgress",
        "Delayed",
        "Success",
        "Cancelled",
        "TimedOut",
        "Failed",
        "Cancelling",
    }
    assert {shown(status) for status in (*Status, *CommandStatus)} <= statuses


class Fleet(RuleBasedStateMachine):
    """A command driven by its plans alone, with nodes that answer in any order, late, or never."""

    @initialize(
        nodes=st.integers(0, 30),
        max_concurrency=st.sampled_from(["1", "3", "10", "10%", "50%", "100%"]),
        max_errors=st.sampled_from(["0", "1", "3", "10%", "50%", "100%"]),
        found_at_once=st.booleans(),
    )
    def begin(self, nodes, max_concurrency, max_errors, found_at_once):
        self.targets = [f"n{number:02}" for number in range(nodes)]
        self.limits = {"max_concurrency": max_concurrency, "max_errors": max_errors}
        self.status: dict[str, Status] = {}
        self.sent: set[str] = set()
        self.now_ms, self.expires_ms = 0, 1000
        self.is_resolved = self.is_cancelling = False
        self.conclusion = None
        if found_at_once:
            self._resolve(len(self.targets))

    @property
    def progress(self):
        return Progress(
            expires_ms=self.expires_ms,
            is_resolved=self.is_resolved,
            is_cancelling=self.is_cancelling,
            **self.limits,
        )

    @property
    def tally(self):
        counts = dict.fromkeys(set(COUNTED_AS.values()), 0)
        for status in self.status.values():
            if status in COUNTED_AS:
                counts[COUNTED_AS[status]] += 1
        waiting = [n for n, s in self.status.items() if s is Status.PENDING and n not in self.sent]
        return Tally(total=len(self.status), waiting=len(waiting), **counts)

    def _resolve(self, size):
        new = [n for n in self.targets if n not in self.status][:size]
        self.status |= dict.fromkeys(new, Status.PENDING)
        self.is_resolved = len(self.status) == len(self.targets)

    def _become(self, node, status):
        assert status in MAY_BECOME[self.status[node]]
        self.status[node] = status

    @precondition(lambda self: self.conclusion is None)
    @rule(batch=st.sampled_from([1, 4, BATCH_MAX]))
    def tick(self, batch):
        kind = sweep(self.progress, self.now_ms)
        pending = [n for n, s in self.status.items() if s is Status.PENDING and n not in self.sent][:batch]
        wanted = (Status.PENDING, Status.IN_PROGRESS) if kind == "cancel" else OPEN
        unended = [n for n, s in self.status.items() if s in wanted][:batch] if kind else []
        before = self.tally
        made = plan(self.progress, before, pending=pending, unended=unended, now_ms=self.now_ms)
        if made.send:
            assert before.errors <= errors_allowed(self.limits["max_errors"], before.total)
            assert not self.is_cancelling
        for node in made.send:
            assert node not in self.sent
            self.sent.add(node)
        for node in made.terminate:
            assert node not in self.sent
            self._become(node, Status.TERMINATED)
        for node in made.expire:
            self._become(node, Status.DELIVERY_TIMED_OUT)
        for node in made.cancel:
            self._become(node, Status.CANCELLING if node in self.sent else Status.CANCELLED)
        if made.resolve:
            self._resolve(batch)
        if made.conclude is not None:
            self.conclusion = made.conclude
            assert not [s for s in self.status.values() if s in OPEN]

    @rule(choice=st.randoms(use_true_random=False), after=st.sampled_from([*COUNTED_AS, Status.IN_PROGRESS]))
    def report(self, choice, after):
        running = sorted(
            n for n in self.sent if after in MAY_BECOME[self.status[n]] and after is not Status.TERMINATED
        )
        if running:
            self._become(choice.choice(running), after)

    @rule()
    def ask_to_cancel(self):
        self.is_cancelling = self.conclusion is None

    @rule(passed_ms=st.sampled_from([1, 100, 600]))
    def time_passes(self, passed_ms):
        self.now_ms += passed_ms

    @invariant()
    def never_more_in_flight_than_allowed(self):
        if not hasattr(self, "limits"):
            return
        tally = self.tally
        assert 0 <= tally.in_flight <= max(1, concurrency(self.limits["max_concurrency"], tally.total))
        assert room(self.progress, tally) >= 0

    def teardown(self):
        """Whatever happened: once its time is over, a command ends after finitely many ticks."""
        if not hasattr(self, "limits"):
            return
        self.now_ms = max(self.now_ms, self.expires_ms)
        for _ in range(3 * len(self.targets) + 3):
            if self.conclusion is None:
                self.tick(1)
        assert self.conclusion is not None


Fleet.TestCase.settings = settings(max_examples=examples(150), stateful_step_count=40, deadline=None)
TestFleet = Fleet.TestCase
