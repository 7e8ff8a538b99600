"""What a simulated year begins with: calendars, maintenance windows with tasks, and associations."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from tests.simulation.almanac import Rule, last_of_month, nth, weekday

HOUR_S = 3600


@dataclass(frozen=True)
class WindowPlan:
    """`tasks`: (priority, CutoffBehavior, numbers of its targets), each target a node or a group of them."""

    rule: Rule
    duration_h: int
    cutoff_h: int
    tasks: tuple[tuple[int, str, tuple[int, ...]], ...] = ()
    start: str = ""
    end: str = ""

    def request(self, name: str) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "Name": name,
            "Schedule": self.rule.expression,
            "Duration": self.duration_h,
            "Cutoff": self.cutoff_h,
            "AllowUnassociatedTargets": False,
        }
        if not self.rule.period_s:
            asked["ScheduleTimezone"] = self.rule.zone
        if self.rule.offset:
            asked["ScheduleOffset"] = self.rule.offset
        dates = {"StartDate": self.start, "EndDate": self.end}
        return asked | {member: text for member, text in dates.items() if text}


@dataclass(frozen=True)
class AssociationPlan:
    """`waits`: ApplyOnlyAtCronInterval."""

    rule: Rule | None
    nodes: tuple[int, ...] = ()
    waits: bool = False
    calendars: tuple[str, ...] = ()
    duration_h: int = 0

    def request(self, node_ids: list[str]) -> dict[str, Any]:
        ids = [node_ids[number] for number in self.nodes]
        target = {"Key": "InstanceIds", "Values": ids} if ids else {"Key": "tag:group", "Values": ["nobody"]}
        asked: dict[str, Any] = {
            "Name": "AWS-RunShellScript",
            "Parameters": {"commands": ["id"]},
            "Targets": [target],
            "CalendarNames": list(self.calendars),
        }
        if self.rule is not None:
            asked["ScheduleExpression"] = self.rule.expression
        if self.rule is not None and self.rule.offset:
            asked["ScheduleOffset"] = self.rule.offset
        if self.waits:
            asked["ApplyOnlyAtCronInterval"] = True
        return asked | ({"Duration": self.duration_h} if self.duration_h else {})


STOP, GO_ON = "CANCEL_TASK", "CONTINUE_TASK"

WINDOWS = (
    WindowPlan(
        Rule("cron(30 2 ? * * *)", "Europe/Berlin", at=(time(2, 30),)),
        2,
        1,
        tasks=((0, GO_ON, (0,)), (1, GO_ON, (1, 2)), (1, STOP, (3,))),
    ),
    WindowPlan(
        Rule("cron(0 1 ? * SUN *)", fits=weekday(6), at=(time(1),)), 4, 1, tasks=((1, STOP, (0, 1, 2)),)
    ),
    WindowPlan(Rule("rate(50 hours)", period_s=50 * HOUR_S), 3, 0, tasks=((0, STOP, (4, 5)),)),
    WindowPlan(
        Rule("cron(30 23 ? * TUE#3 *)", "America/Los_Angeles", fits=nth(3, 1), at=(time(23, 30),), offset=2),
        1,
        0,
    ),
    WindowPlan(
        Rule("cron(0 9 ? * WED *)", "America/Los_Angeles", fits=weekday(2), at=(time(9),)),
        2,
        0,
        start="2027-03-01T00:00:00-08:00",
        end="2027-09-15T00:00:00Z",
    ),
    WindowPlan(Rule("at(2027-02-03T09:00)", "Asia/Tokyo", once=datetime(2027, 2, 3, 9)), 1, 0),  # noqa: DTZ001
    WindowPlan(Rule("cron(15 2 ? * * *)", "Australia/Lord_Howe", at=(time(2, 15),)), 1, 0),
    WindowPlan(Rule("rate(1 day)", period_s=24 * HOUR_S), 24, 0, tasks=((0, GO_ON, (3, 4)),)),
    WindowPlan(Rule("cron(0 2 L * ? *)", "Asia/Tokyo", fits=last_of_month, at=(time(2),)), 1, 0),
)
ASSOCIATIONS = (
    AssociationPlan(Rule("rate(72 hours)", period_s=72 * HOUR_S), nodes=(0, 1, 2)),
    AssociationPlan(
        Rule("cron(0 */12 ? * * *)", at=(time(0), time(12))), nodes=(1,), waits=True, duration_h=1
    ),
    AssociationPlan(
        Rule("cron(0 2 ? * SUN *)", fits=weekday(6), at=(time(2),)), nodes=(2,), calendars=("weekends",)
    ),
    AssociationPlan(
        Rule("cron(0 0 ? * THU#2 *)", fits=nth(2, 3), at=(time(0),), offset=3), nodes=(3,), waits=True
    ),
    AssociationPlan(Rule("at(2027-06-01T12:00:00)", once=datetime(2027, 6, 1, 12)), nodes=(0,)),  # noqa: DTZ001
    AssociationPlan(None, nodes=(5,)),
    AssociationPlan(Rule("rate(31 hours)", period_s=31 * HOUR_S), calendars=("nights", "freeze")),
    AssociationPlan(
        Rule("cron(30 22 ? * * *)", at=(time(22, 30),)), nodes=(4, 5), waits=True, calendars=("weekends",)
    ),
)
