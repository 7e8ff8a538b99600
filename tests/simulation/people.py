"""Those who plant schedules in a simulated year, and edit them while it goes on."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.almanac import CLOSINGS, Due, Rule
from tests.simulation.planted import ASSOCIATIONS, WINDOWS, AssociationPlan, WindowPlan

if TYPE_CHECKING:
    from tests.simulation.year import Year

DAY_S = 86_400.0
EVERY_S = {
    "change_window": 6 * DAY_S,
    "switch_window": 12 * DAY_S,
    "reschedule_window": 25 * DAY_S,
    "rename_association": 3 * DAY_S,
    "reschedule_association": 25 * DAY_S,
    "start_once": 2 * DAY_S,
}


LONG = {"commands": ["id"], "executionTimeout": ["172800"]}
"""A task may take two days: longer than the time until its window opens again."""


class People:
    """They remember what they asked for: what is owed follows from it."""

    def __init__(self, year: "Year") -> None:
        self._year = year
        self._names = 0

    def plant(self) -> None:
        ask, now_s = self._year.ask, self._year.wall_s()
        for closing in CLOSINGS.values():
            made = {"DocumentType": "ChangeCalendar", "DocumentFormat": "TEXT"}
            ask("CreateDocument", Name=closing.name, Content=closing.content, **made)
        for number, window in enumerate(WINDOWS):
            self._plant_window(f"window-{number}", window)
        node_ids = self._year.node_ids
        for association in ASSOCIATIONS:
            due = Due(association.rule, round(now_s), now_s)
            due.demands = [] if association.waits else [now_s]
            # It may be applied before its id is known here.
            self._year.checker.newborn = (association, due)
            answer = ask("CreateAssociation", **association.request(node_ids))
            association_id = answer["AssociationDescription"]["AssociationId"]
            self._year.checker.associations[association_id] = (association, due)

    def _plant_window(self, name: str, plan: WindowPlan) -> None:
        ask, now_s = self._year.ask, self._year.wall_s()
        window_id = ask("CreateMaintenanceWindow", **plan.request(name))["WindowId"]
        due = Due(plan.rule, round(now_s), now_s)
        due.first_s = _seconds(plan.start) if plan.start else 0.0
        due.last_s = _seconds(plan.end) if plan.end else float("inf")
        self._year.checker.windows[window_id] = (plan, due)
        for priority, behaviour, numbers in plan.tasks:
            targets = [self._target(window_id, number) for number in numbers]
            ask(
                "RegisterTaskWithMaintenanceWindow",
                WindowId=window_id,
                TaskArn="AWS-RunShellScript",
                TaskType="RUN_COMMAND",
                Targets=[{"Key": "WindowTargetIds", "Values": targets}],
                MaxConcurrency="1",
                MaxErrors="1",
                Priority=priority,
                CutoffBehavior=behaviour,
                TaskInvocationParameters={"RunCommand": {"Parameters": LONG}},
            )

    def _target(self, window_id: str, number: int) -> str:
        answer = self._year.ask(
            "RegisterTargetWithMaintenanceWindow",
            WindowId=window_id,
            ResourceType="INSTANCE",
            Targets=[{"Key": "InstanceIds", "Values": [self._year.node_ids[number]]}],
        )
        return str(answer["WindowTargetId"])

    def begin(self) -> None:
        for name, mean_s in EVERY_S.items():
            self._again(name, mean_s)

    def _again(self, name: str, mean_s: float) -> None:
        def happen() -> None:
            if not self._year.is_down:
                self._year.happened[name] += 1
                getattr(self, f"_{name}")()
            self._again(name, mean_s)

        self._year.after(self._year.chance.expovariate(1 / mean_s), happen)

    # Windows.

    def _window(self) -> tuple[str, WindowPlan, Due]:
        window_id = self._year.chance.choice(list(self._year.checker.windows))
        return window_id, *self._year.checker.windows[window_id]

    def _change_window(self) -> None:
        """What changes nothing about when it opens: a due time that nobody has noticed yet stays due."""
        window_id, plan, due = self._window()
        hours = plan.cutoff_h + self._year.chance.randint(1, min(3, 24 - plan.cutoff_h))
        # Whatever opens meanwhile opens as before or as after: nothing is due while this is asked.
        self._year.work()
        self._names += 1
        self._year.ask("UpdateMaintenanceWindow", WindowId=window_id, Name=f"w-{self._names}", Duration=hours)
        self._year.checker.windows[window_id] = (replace(plan, duration_h=hours), due)

    def _switch_window(self) -> None:
        window_id, plan, due = self._window()
        self._year.ask("UpdateMaintenanceWindow", WindowId=window_id, Enabled=not due.is_enabled)
        self._anew(window_id, plan, due, is_enabled=not due.is_enabled)

    def _reschedule_window(self) -> None:
        window_id, plan, due = self._window()
        rule = _other(plan.rule)
        self._year.ask("UpdateMaintenanceWindow", WindowId=window_id, Schedule=rule.expression)
        self._anew(window_id, replace(plan, rule=rule), due, is_enabled=due.is_enabled)

    def _anew(self, window_id: str, plan: WindowPlan, due: Due, *, is_enabled: bool) -> None:
        now_s = self._year.wall_s()
        fresh = Due(plan.rule, int(now_s), now_s, due.served_s, is_enabled, due.first_s, due.last_s)
        self._year.checker.windows[window_id] = (plan, fresh)

    # Associations.

    def _association(self) -> tuple[str, AssociationPlan, Due]:
        association_id = self._year.chance.choice(list(self._year.checker.associations))
        return association_id, *self._year.checker.associations[association_id]

    def _rename_association(self) -> None:
        """A name is no reason to apply it again, nor to begin its schedule anew."""
        association_id, plan, _ = self._association()
        self._update(association_id, plan)

    def _update(self, association_id: str, plan: AssociationPlan) -> None:
        self._names += 1
        asked: dict[str, Any] = plan.request(self._year.node_ids)
        self._year.ask(
            "UpdateAssociation", AssociationId=association_id, AssociationName=f"a-{self._names}", **asked
        )

    def _reschedule_association(self) -> None:
        association_id, plan, due = self._association()
        if plan.rule is None or plan.rule.once:
            return
        plan = replace(plan, rule=_other(plan.rule))
        now_s = self._year.wall_s()
        if not plan.waits:
            due.demands.append(now_s)
        self._update(association_id, plan)
        fresh = Due(plan.rule, int(now_s), now_s, due.served_s, demands=due.demands)
        self._year.checker.associations[association_id] = (plan, fresh)

    def _start_once(self) -> None:
        """Often again while it still runs: people are impatient."""
        association_id = self._association()[0]
        self._start(association_id)
        if self._year.chance.random() < 0.6:
            self._year.after(600 * self._year.chance.random(), self._start, association_id)

    def _start(self, association_id: str) -> None:
        if self._year.is_down:
            return
        _, due = self._year.checker.associations[association_id]
        due.demands.append(self._year.wall_s())
        self._year.ask("StartAssociationsOnce", AssociationIds=[association_id])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _other(rule: Rule) -> Rule:
    """A schedule that is another one: an hour more or less, or five minutes past."""
    if rule.period_s:
        hours = rule.period_s // 3600
        hours += 1 if hours in (24, 31, 50, 72) else -1
        return replace(rule, expression=f"rate({hours} hours)", period_s=hours * 3600)
    if rule.once is not None:
        return rule
    minute = 5 if rule.at[0].minute != 5 else 10
    rest = rule.expression.partition(" ")[2]
    at = tuple(each.replace(minute=minute) for each in rule.at)
    return replace(rule, expression=f"cron({minute} {rest}", at=at)
