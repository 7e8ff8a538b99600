"""What must hold after every commit, and what must hold once everything has come to rest."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import apsw

from hostreeve.capabilities.commands.lifecycle import COMMAND_MAY_BECOME, MAY_BECOME
from hostreeve.contract import jobs as wire
from tests.simulation.ledger import Ledger, Violation

CLOSED_LOOKED_AT_EVERY = 100
"""Commits between two looks at commands that have ended."""

COUNTED_AS = {
    "Success": "success",
    "Failed": "failed",
    "ExecutionTimedOut": "execution_timed_out",
    "DeliveryTimedOut": "delivery_timed_out",
    "Cancelled": "cancelled",
    "Terminated": "terminated",
    "Undeliverable": "never_ran",
    "InvalidPlatform": "never_ran",
    "AccessDenied": "never_ran",
}
ENDS_AS = {
    wire.SUCCESS: "Success",
    wire.FAILED: "Failed",
    wire.TIMED_OUT: "ExecutionTimedOut",
    wire.CANCELLED: "Cancelled",
}
_TALLIED = ("total", "waiting", *dict.fromkeys(COUNTED_AS.values()))


def _reachable(edges: dict[Any, frozenset[Any]]) -> dict[str, set[str]]:
    """Several steps may fall into one commit."""
    found: dict[str, set[str]] = {}
    for start in edges:
        seen, ahead = {start}, [start]
        while ahead:
            for after in edges[ahead.pop()] - seen:
                seen.add(after)
                ahead.append(after)
        found[str(start)] = {str(each) for each in seen}
    return found


INVOCATION_PATHS = _reachable(MAY_BECOME)
COMMAND_PATHS = _reachable(COMMAND_MAY_BECOME)
OPEN = {str(status) for status, after in MAY_BECOME.items() if after}
COMMAND_OPEN = {str(status) for status, after in COMMAND_MAY_BECOME.items() if after}


@dataclass
class Seen:
    """A command as it was last seen. `rows`: (status, is_sent) by node."""

    status: str
    expires_ms: int
    max_concurrency: str
    max_errors: str
    rows: dict[str, tuple[str, int]]
    taken: set[str] = field(default_factory=set)
    """Nodes that have said that they have it."""
    was_stopped: bool = False


class Checker:
    """Reads through a connection of its own what was committed, and remembers what it saw."""

    def __init__(self, ledger: Ledger, note: Any) -> None:
        self.ledger, self.note = ledger, note
        self.commands: dict[str, Seen] = {}
        self.checks = 0
        self._version = -1

    def forget_version(self) -> None:
        """Another file is read from now on."""
        self._version = -1

    def check_if_changed(self, watch: apsw.Connection) -> None:
        (version,) = watch.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self.check(watch, everything=self.checks % CLOSED_LOOKED_AT_EVERY == 0)

    def check(self, watch: apsw.Connection, *, everything: bool) -> None:
        self.checks += 1
        listed = watch.execute(
            "SELECT command_id, status, expires_ms, is_resolved, request FROM commands ORDER BY command_id"
        ).fetchall()
        for command_id, status, expires_ms, is_resolved, request in listed:
            seen = self.commands.get(command_id)
            if seen is None:
                asked = json.loads(request)
                seen = Seen("Pending", expires_ms, asked["max_concurrency"], asked["max_errors"], {})
                self.commands[command_id] = seen
            elif not everything and seen.status == status and status not in COMMAND_OPEN:
                continue
            self._check_command(watch, command_id, seen, status=status, is_resolved=bool(is_resolved))
        if len(listed) != len(self.commands):
            known = {row[0] for row in listed}
            raise Violation(f"commands are gone: {sorted(set(self.commands) - known)}")

    def _check_command(
        self, watch: apsw.Connection, command_id: str, seen: Seen, *, status: str, is_resolved: bool
    ) -> None:
        rows = {
            node_id: (now, is_sent)
            for node_id, now, is_sent in watch.execute(
                "SELECT node_id, status, is_sent FROM command_invocations"
                " WHERE command_id = ? ORDER BY node_id",
                (command_id,),
            )
        }
        where = f"command {command_id}"
        if status not in COMMAND_PATHS[seen.status]:
            raise Violation(f"{where} became {status} after {seen.status}")
        for node_id, (before, was_sent) in seen.rows.items():
            now, is_sent = rows.get(node_id, ("gone", 0))
            if now not in INVOCATION_PATHS[before] or is_sent < was_sent:
                raise Violation(f"{where} on {node_id}: {before}/{was_sent} became {now}/{is_sent}")
        for node_id, (now, is_sent) in rows.items():
            if seen.rows.get(node_id) != (now, is_sent):
                self.note("row", command_id, node_id, now, is_sent)
            if now == "InProgress":
                seen.taken.add(node_id)
        if status != seen.status:
            self.note("command", command_id, status)
        tally = self._check_tally(watch, command_id, rows)
        self._check_limits(where, seen, rows, tally)
        if status not in COMMAND_OPEN and any(now in OPEN for now, _ in rows.values()):
            raise Violation(f"{where} is {status} while nodes are at it")
        seen.status, seen.rows = status, rows
        if is_resolved:
            seen.was_stopped = seen.was_stopped or _errors(tally) > _amount(seen.max_errors, len(rows))

    def _check_tally(
        self, watch: apsw.Connection, command_id: str, rows: dict[str, tuple[str, int]]
    ) -> dict[str, int]:
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in _TALLIED)
        found = watch.execute(f"SELECT {sums} FROM command_counts WHERE command_id = ?", (command_id,))
        tally = dict(zip(_TALLIED, found.fetchone(), strict=True))
        real = Counter(COUNTED_AS[now] for now, _ in rows.values() if now not in OPEN)
        real["total"] = len(rows)
        real["waiting"] = sum(now in OPEN and not is_sent for now, is_sent in rows.values())
        wrong = {name: (tally[name], real[name]) for name in _TALLIED if tally[name] != real[name]}
        if wrong:
            raise Violation(f"command {command_id}: the tally and the rows disagree: {wrong}")
        return tally

    def _check_limits(
        self, where: str, seen: Seen, rows: dict[str, tuple[str, int]], tally: dict[str, int]
    ) -> None:
        in_flight = sum(now in OPEN and is_sent for now, is_sent in rows.values())
        if in_flight > max(1, _amount(seen.max_concurrency, len(rows))):
            raise Violation(f"{where}: {in_flight} in flight with MaxConcurrency {seen.max_concurrency}")
        if seen.was_stopped:
            newly = [n for n, (_, sent) in rows.items() if sent and not seen.rows.get(n, ("", 0))[1]]
            if newly:
                raise Violation(f"{where} was sent to {newly} after {_errors(tally)} errors")

    def status_of(self, job_id: str) -> str:
        command_id, node_id = wire.command_id_of(job_id), wire.node_id_of(job_id)
        seen = self.commands.get(command_id)
        if seen is None or node_id not in seen.rows:
            raise Violation(f"{job_id} runs, and nobody has asked for it")
        return seen.rows[node_id][0]

    def expires_ms(self, job_id: str) -> int:
        return self.commands[wire.command_id_of(job_id)].expires_ms

    def unended(self) -> list[str]:
        return [command_id for command_id, seen in self.commands.items() if seen.status in COMMAND_OPEN]

    def check_at_rest(self, watch: apsw.Connection, ours: set[str]) -> None:
        """Everything has healed, ended and been told."""
        self.check(watch, everything=True)
        lost = [command_id for command_id in self.ledger.answered if command_id not in self.commands]
        if lost:
            raise Violation(f"accepted, and lost: {lost}")
        for command_id, seen in self.commands.items():
            if seen.status in COMMAND_OPEN:
                raise Violation(f"command {command_id} never ends: {seen.status}")
            for node_id, (status, _) in seen.rows.items():
                self._check_end(wire.job_id(command_id, node_id), status, seen, is_ours=node_id in ours)
        self._check_steps(watch, ours)
        self._check_output(watch, ours)

    def _check_end(self, job_id: str, status: str, seen: Seen, *, is_ours: bool) -> None:
        outcome = self.ledger.outcomes.get(job_id)
        said = f"{job_id} is {status}, and on the node it is {outcome}"
        if status in ("Success", "Failed", "ExecutionTimedOut") and ENDS_AS.get(outcome or "") != status:
            raise Violation(f"invented: {said}")
        if is_ours and outcome is None and wire.node_id_of(job_id) in seen.taken:
            raise Violation(f"taken on, and lost: {said}")
        if status == "Terminated" and outcome is not None:
            raise Violation(f"never sent: {said}")
        if status == "Cancelled" and outcome not in (None, wire.CANCELLED):
            raise Violation(f"not cancelled: {said}")
        if status == "DeliveryTimedOut" and outcome is not None:
            heard_ms = self.ledger.heard_ms.get(job_id)
            if (heard_ms is None and is_ours) or (heard_ms is not None and heard_ms < seen.expires_ms):
                raise Violation(f"told in time, and lost: {said}")
            if heard_ms is None and job_id not in self.ledger.excused:
                raise Violation(f"lost: {said}")
        if status not in COUNTED_AS or status in ("Undeliverable", "InvalidPlatform", "AccessDenied"):
            raise Violation(f"nothing here leads to that: {said}")

    def _check_steps(self, watch: apsw.Connection, ours: set[str]) -> None:
        told = {
            (wire.job_id(command_id, node_id), step_id): json.loads(result)
            for command_id, node_id, step_id, result in watch.execute(
                "SELECT command_id, node_id, step_id, result FROM command_steps"
            )
        }
        for (job_id, step_id), result in told.items():
            real = self.ledger.steps.get((job_id, step_id))
            if real != (result["status"], result["code"]):
                raise Violation(f"{job_id} {step_id} is said to be {result}, and is {real}")
        for job_id, step_id in self.ledger.steps:
            if wire.node_id_of(job_id) in ours and (job_id, step_id) not in told:
                raise Violation(f"the result of {step_id} of {job_id} is lost")

    def _check_output(self, watch: apsw.Connection, ours: set[str]) -> None:
        kept: dict[tuple[str, str, str], bytes] = {}
        for command_id, node_id, step_id, stream, offset, chunk in watch.execute(
            "SELECT command_id, node_id, step_id, stream, offset_bytes, chunk FROM command_output"
            " ORDER BY command_id, node_id, step_id, stream, offset_bytes"
        ):
            key = (wire.job_id(command_id, node_id), step_id, stream)
            if offset != len(kept.get(key, b"")):
                raise Violation(f"the output {key} has a gap or an overlap at {offset}")
            kept[key] = kept.get(key, b"") + chunk
        real = {
            key: bytes(whole)
            for key, whole in self.ledger.produced.items()
            if wire.node_id_of(key[0]) in ours and whole
        }
        if kept != real:
            wrong = [key for key in kept.keys() | real.keys() if kept.get(key) != real.get(key)]
            raise Violation(f"output differs: {sorted(wrong)[:5]}")


def _errors(tally: dict[str, int]) -> int:
    return tally["failed"] + tally["execution_timed_out"]


def _amount(limit: str, targets: int) -> int:
    return int(limit[:-1]) * targets // 100 if limit.endswith("%") else int(limit)
