"""What must hold of schedules after every commit, and whenever everything that is due has been done."""

import json
from collections.abc import Callable
from typing import Any

import apsw

from hostreeve.persistence.leases import SKEW_MS
from tests.simulation.almanac import CLOSINGS, Due
from tests.simulation.ledger import Violation
from tests.simulation.planted import AssociationPlan, WindowPlan

HOUR_S = 3600
OPEN = ("PENDING", "IN_PROGRESS", "CANCELLING")
OVER = "The maintenance window was over before it could be opened."
STUCK_S = 6 * 86_400
"""No run takes so long: a node is away for three days at most, and commands expire."""


class YearChecker:
    """Reads what was committed. `windows` and `associations`: what each is, and what is owed to it."""

    def __init__(self, note: Any, elapsed_s: Callable[[], float]) -> None:
        self.note = note
        self._elapsed_s = elapsed_s
        self._open_since_s: dict[str, float] = {}
        self.windows: dict[str, tuple[WindowPlan, Due]] = {}
        self.associations: dict[str, tuple[AssociationPlan, Due]] = {}
        self.newborn: tuple[AssociationPlan, Due] | None = None
        self.checks = self.executions = self.skipped = self.overlapping = 0
        self.run_ids: dict[str, str] = {}
        self._version = -1
        self._window_row = self._association_row = self._command_row = 0
        self._events: set[tuple[str, int, int]] = set()
        self._told: dict[str, str] = {}

    def check_if_changed(self, watch: apsw.Connection) -> None:
        (version,) = watch.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.checks += 1
            self._check_windows(watch)
            self._check_associations(watch)

    # Windows.

    def _check_windows(self, watch: apsw.Connection) -> None:
        fresh = watch.execute(
            "SELECT rowid, window_id, execution_id, status, details, started_ms, cutoff_ms"
            " FROM window_executions WHERE rowid > ? ORDER BY rowid",
            (self._window_row,),
        ).fetchall()
        for rowid, *row in fresh:
            self._window_row = rowid
            self._opened(watch, *row)
        several = watch.execute(
            "SELECT window_id, count(*) AS n FROM window_executions WHERE status IN"
            " ('PENDING', 'IN_PROGRESS', 'CANCELLING') GROUP BY window_id HAVING n > 1"
        ).fetchall()
        if several:
            raise Violation(f"a window is open twice at once: {several}")
        for row in watch.execute(
            "SELECT execution_id, window_id, cutoff_ms FROM window_executions WHERE ended_ms IS NULL"
        ).fetchall():
            self._check_open(watch, *row)

    def _opened(
        self,
        watch: apsw.Connection,
        window_id: str,
        execution_id: str,
        status: str,
        details: str,
        started_ms: int,
        cutoff_ms: int,
    ) -> None:
        self.executions += 1
        plan, due = self.windows[window_id]
        at_s = started_ms / 1000
        owed = due.owed(at_s)
        self.note("opened", window_id, status, at_s, owed[-1:])
        if not owed:
            raise Violation(f"window {window_id} opens at {at_s} for no reason (served {due.served_s})")
        others = watch.execute(
            "SELECT ended_ms FROM window_executions WHERE window_id = ? AND execution_id <> ?"
            " AND (ended_ms IS NULL OR ended_ms = ?) AND status <> 'SKIPPED_OVERLAPPING' AND details <> ?",
            (window_id, execution_id, started_ms, OVER),
        ).fetchall()
        is_skipped = status == "SKIPPED_OVERLAPPING"
        self.overlapping += is_skipped
        # One that ended at the same moment may have been open still.
        if (is_skipped and not others) or (not is_skipped and (None,) in others):
            raise Violation(f"window {window_id} is {status} beside {others}")
        is_over = at_s >= owed[-1] + plan.duration_h * HOUR_S
        if not is_skipped and (details == OVER) != is_over:
            raise Violation(f"window {window_id}, due {owed[-1]}, at {at_s}: {status} {details}")
        expected_ms = (owed[-1] + (plan.duration_h - plan.cutoff_h) * HOUR_S) * 1000
        if details != OVER and cutoff_ms != expected_ms:
            raise Violation(f"the cutoff of {window_id} is {cutoff_ms}, not {expected_ms}")
        due.serve(at_s)

    def _check_open(self, watch: apsw.Connection, execution_id: str, window_id: str, cutoff_ms: int) -> None:
        tasks = watch.execute(
            "SELECT task_execution_id, task, status, started_ms, ended_ms FROM window_task_executions"
            " WHERE execution_id = ?",
            (execution_id,),
        ).fetchall()
        listed = [(json.loads(task), *rest) for _, task, *rest in tasks]
        for task, _, started_ms, _ in listed:
            before = [
                (other.get("priority", 0), ended_ms)
                for other, _, _, ended_ms in listed
                if other.get("priority", 0) < task.get("priority", 0)
            ]
            if started_ms and any(ended is None or ended > started_ms for _, ended in before):
                raise Violation(f"a task of {window_id} does not wait for its turn: {listed}")
            if started_ms and started_ms >= cutoff_ms:
                raise Violation(f"a task of {window_id} begins at {started_ms}, its cutoff is {cutoff_ms}")
        for one, task, *_ in tasks:
            stops = json.loads(task).get("cutoff_behavior") == "CANCEL_TASK"
            self._check_invocations(watch, execution_id, one, cutoff_ms if stops else None)

    def _check_invocations(
        self, watch: apsw.Connection, execution_id: str, task_execution_id: str, cutoff_ms: int | None
    ) -> None:
        rows = watch.execute(
            "SELECT invocation_id, status, run_id, started_ms FROM window_invocations"
            " WHERE execution_id = ? AND task_execution_id = ?",
            (execution_id, task_execution_id),
        ).fetchall()
        if sum(status in ("IN_PROGRESS", "CANCELLING") for _, status, _, _ in rows) > 1:
            raise Violation(f"targets of one task are not done one after the other: {rows}")
        for invocation_id, _, run_id, started_ms in rows:
            if run_id and self.run_ids.setdefault(run_id, invocation_id) != invocation_id:
                raise Violation(f"{run_id} is the command of two invocations")
            if cutoff_ms is not None and started_ms and started_ms >= cutoff_ms:
                raise Violation(f"{invocation_id} begins at {started_ms}, behind the cutoff {cutoff_ms}")

    # Associations.

    def _check_associations(self, watch: apsw.Connection) -> None:
        fresh = watch.execute(
            "SELECT rowid, association_id, execution_id, detailed_status, created_ms"
            " FROM association_executions WHERE rowid > ? ORDER BY rowid",
            (self._association_row,),
        ).fetchall()
        for rowid, association_id, execution_id, detailed, created_ms in fresh:
            self._association_row = rowid
            self._applied(association_id, execution_id, detailed, created_ms / 1000)
        open_ones = watch.execute(
            "SELECT association_id, execution_id, command_id FROM association_executions"
            " WHERE status IN ('Pending', 'InProgress')"
        ).fetchall()
        if len({row[0] for row in open_ones}) < len(open_ones):
            raise Violation(f"an association is applied twice at once: {open_ones}")
        for _, execution_id, command_id in open_ones:
            if command_id and self.run_ids.setdefault(command_id, execution_id) != execution_id:
                raise Violation(f"{command_id} is the command of two executions")

    def _applied(self, association_id: str, execution_id: str, detailed: str, at_s: float) -> None:
        self.executions += 1
        if association_id not in self.associations and self.newborn is not None:
            self.associations[association_id] = self.newborn
        plan, due = self.associations[association_id]
        owed = due.owed(at_s)
        self.note("applied", association_id, detailed, at_s, owed[-1:])
        if not owed:
            raise Violation(
                f"association {association_id} is applied at {at_s} for no reason (served {due.served_s})"
            )
        is_closed = any(CLOSINGS[name].closed_at(at_s) for name in plan.calendars)
        if (detailed == "CalendarClosed") != is_closed:
            raise Violation(f"{association_id} is {detailed} while closed is {is_closed}")
        self.skipped += is_closed
        due.serve(at_s)

    # When nothing is left to do.

    def check_settled(self, watch: apsw.Connection, now_s: float) -> None:
        """Nothing that has come is missing; nothing goes on that should not."""
        for kind in (self.windows, self.associations):
            for its_id, (_, due) in kind.items():
                if owed := due.owed(now_s):
                    raise Violation(f"{its_id} was missed at {owed}, now {now_s}, served {due.served_s}")
        self._check_cut_off(watch, round(now_s * 1000))
        self._check_durations(watch, now_s)
        self._check_calendars(watch, now_s)
        self._check_commands(watch)

    def _check_cut_off(self, watch: apsw.Connection, now_ms: int) -> None:
        for (execution_id,) in watch.execute(
            "SELECT execution_id FROM window_executions WHERE ended_ms IS NULL AND cutoff_ms <= ?",
            (now_ms,),
        ).fetchall():
            self._check_stuck(execution_id)
            tasks = watch.execute(
                "SELECT task_execution_id, task, status FROM window_task_executions"
                " WHERE execution_id = ? AND ended_ms IS NULL",
                (execution_id,),
            ).fetchall()
            for one, task, status in tasks:
                if status == "PENDING":
                    raise Violation(f"task {one} waits behind its cutoff")
                left = watch.execute(
                    "SELECT status, count(*) FROM window_invocations WHERE task_execution_id = ?"
                    " AND status IN ('PENDING', 'IN_PROGRESS') GROUP BY status",
                    (one,),
                ).fetchall()
                if json.loads(task).get("cutoff_behavior") == "CANCEL_TASK" and left:
                    raise Violation(f"task {one} goes on behind its cutoff: {left}")

    def _check_stuck(self, execution_id: str) -> None:
        """By time as it really goes, whatever clocks show."""
        if self._elapsed_s() - self._open_since_s.setdefault(execution_id, self._elapsed_s()) > STUCK_S:
            raise Violation(f"execution {execution_id} is stuck")

    def _check_durations(self, watch: apsw.Connection, now_s: float) -> None:
        for association_id, execution_id, created_ms, status in watch.execute(
            "SELECT e.association_id, e.execution_id, e.created_ms, c.status FROM association_executions e"
            " LEFT JOIN commands c ON c.command_id = e.command_id WHERE e.status IN ('Pending', 'InProgress')"
        ).fetchall():
            plan, _ = self.associations[association_id]
            age_s = now_s - created_ms / 1000
            self._check_stuck(execution_id)
            if plan.duration_h and age_s >= plan.duration_h * HOUR_S and status in ("Pending", "InProgress"):
                raise Violation(f"execution {execution_id} goes on behind its duration")

    def _check_calendars(self, watch: apsw.Connection, now_s: float) -> None:
        noted = dict(watch.execute("SELECT name, state FROM calendars").fetchall())
        for name, closing in CLOSINGS.items():
            # A clock that is set back by less than that is no reason to look again.
            allowed = {closing.closed_at(now_s), closing.closed_at(now_s + SKEW_MS / 1000)}
            if (noted[name] == "CLOSED") not in allowed:
                raise Violation(f"calendar {name} is noted as {noted[name]} at {now_s}")
        for aggregate, sequence, detail, created_ms in watch.execute(
            "SELECT aggregate, sequence, detail, created_ms FROM outbox_event"
            " WHERE detail_type = 'Calendar State Change' ORDER BY aggregate, sequence"
        ).fetchall():
            name, said = aggregate.rpartition("/")[2], json.loads(detail)["state"]
            if (name, sequence, created_ms) in self._events:
                continue
            self._events.add((name, sequence, created_ms))
            if said == self._told.get(name, "OPEN"):
                raise Violation(f"calendar {name} is told to be {said} again")
            self._told[name] = said

    def _check_commands(self, watch: apsw.Connection) -> None:
        """Nobody sent what no execution knows of."""
        for rowid, command_id in watch.execute(
            "SELECT rowid, command_id FROM commands WHERE rowid > ? ORDER BY rowid", (self._command_row,)
        ).fetchall():
            self._command_row = rowid
            known = watch.execute(
                "SELECT execution_id FROM association_executions WHERE command_id = ?1"
                " UNION ALL SELECT invocation_id FROM window_invocations WHERE run_id = ?1",
                (command_id,),
            ).fetchall()
            if len(known) != 1 or self.run_ids.setdefault(command_id, known[0][0]) != known[0][0]:
                raise Violation(f"the command {command_id} was sent for {known}")
