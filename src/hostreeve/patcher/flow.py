"""One run, from the order to the report. What is decided is decided by `selection` and `states`."""

import errno
import os
import sys
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from hostreeve.patcher import failure, machine, record, selection, sources, states, telling, trouble
from hostreeve.patcher.failure import Failure
from hostreeve.patcher.machine import System
from hostreeve.patcher.model import BLOCK, Host, Identity, Patch, Snapshot, Verdict, Wanted
from hostreeve.patcher.options import NO_REBOOT, Order
from hostreeve.patcher.packager import Attempt, Packager, Settings, install_what_can_be
from hostreeve.patcher.record import Record, Waiting
from hostreeve.patcher.report import Course
from hostreeve.patcher.server import Server

RESTARTS_MAX = 3
"""So many restarts may one run ask for; after that it ends and says what still waits."""

HELD = Attempt(trouble.DEPENDENCY, "held by the administrator")

HALF = Attempt(trouble.BROKEN, "it is half installed")
UNSEEN = Attempt(trouble.OTHER, "the package manager reported no error, but the new version is not there")


class Case(NamedTuple):
    """What a run works with from beginning to end."""

    order: Order
    system: System
    server: Optional[Server]
    snapshot: Snapshot
    packager: Packager
    wanted: Tuple[Wanted, ...]
    boot: str
    started_ms: int
    execution_id: str


class Done(NamedTuple):
    """What an installation did. `tried`: None in a scan. `fresh`: versions that it brought."""

    tried: Optional[Set[Identity]] = None
    fresh: Tuple[Patch, ...] = ()
    failed: Tuple[Tuple[Patch, Attempt], ...] = ()


def run(order: Order, command_id: str) -> int:
    """The exit code. Failure and Trouble end it otherwise."""
    if order.install_override_list and order.baseline_override:
        sentence = "InstallOverrideList and BaselineOverride cannot be given together; nothing was done"
        raise Failure(failure.BOTH_GIVEN, sentence)
    os.makedirs(order.state, mode=0o700, exist_ok=True)
    with machine.OneAtATime(order.state, order.lock_wait_s):
        return _run(order, order.key(command_id))


def _run(order: Order, key: str) -> int:
    started_ms = machine.now_ms()
    boot = machine.boot()
    kept = record.read(order.state).since(boot).resumed(key, started_ms)
    case = _case(order, kept, boot, started_ms)
    unrepaired = case.packager.repair() if order.is_install else ""
    if unrepaired:
        # The rest can be patched all the same; the end of the run tells what stays broken.
        print("warning: " + unrepaired, file=sys.stderr, flush=True)
    case.packager.refresh()
    host = case.packager.host(case.snapshot.product)
    verdicts = selection.select(host, case.snapshot.baseline, started_ms)
    done = Done()
    if order.is_install:
        targets, held = _targets(case, host, verdicts)
        kept = _foretold(kept, case, targets)
        done = _install(case, targets, held)
        host = case.packager.host(case.snapshot.product)
        verdicts = selection.select(host, case.snapshot.baseline, started_ms)
        done = _checked(done, host)
    kept = _noted(kept.standing(_whole(host)), case, done)
    rows = states.rows(
        verdicts, case.snapshot.baseline.rejected_action, states.Deeds(kept.pending(), done.tried)
    )
    course = _course(case, kept, selection.not_applicable(host, case.snapshot.baseline))
    about = telling.About(order, case.system, case.packager.family, tuple(verdicts))
    telling.tell(case.server, course, case.snapshot, rows, about)
    return _end(case, kept, done)


def _case(order: Order, kept: Record, boot: str, started_ms: int) -> Case:
    system = machine.this_system()
    if system is None:
        raise Failure(failure.SYSTEM_UNSUPPORTED, "this system is none that patch baselines exist for")
    server = telling.server_for(order)
    snapshot = sources.snapshot_of(order, system, server, order.snapshot_id or kept.snapshot_id)
    wanted = sources.wanted_of(order, server) if order.is_install else ()
    product = snapshot.product
    settings = Settings(
        order.state,
        tuple(
            each
            for each in snapshot.baseline.sources
            if not each.products or "*" in each.products or product in each.products
        ),
        order.lock_wait_s,
    )
    packager = telling.packager_of(system, settings)
    execution_id = telling.fresh_id()
    return Case(order, system, server, snapshot, packager, wanted, boot, started_ms, execution_id)


def _install(case: Case, targets: List[Patch], held: List[Patch]) -> Done:
    """Tries what is approved (or what the list names), as far as it can be installed."""
    baseline = case.snapshot.baseline
    barred = baseline.rejected if baseline.rejected_action == BLOCK else ()
    failed = install_what_can_be(targets, lambda some: case.packager.install(some, barred))
    failed += [(patch, HELD) for patch in held]
    tried = {patch.identity for patch in targets + held}
    return Done(tried, tuple(targets), tuple(failed))


def _targets(case: Case, host: Host, verdicts: Sequence[Verdict]) -> Tuple[List[Patch], List[Patch]]:
    """What to install, and what would be installed if the administrator did not hold it."""
    held = {package.current.identity for package in host.packages if package.is_held}
    if case.wanted:
        chosen = selection.override(host, case.packager.offers(case.wanted), case.wanted)
    else:
        chosen = [verdict.target.patch for verdict in verdicts if verdict.target is not None]
    return (
        [patch for patch in chosen if patch.identity not in held],
        [patch for patch in chosen if patch.identity in held],
    )


def _checked(done: Done, host: Host) -> Done:
    """What is really there now, and whole; the rest failed, whatever the package manager said."""
    there = _whole(host)
    fresh = tuple(patch for patch in done.fresh if there.get(patch.identity) == patch.version)
    known = {patch.identity for patch in fresh} | {patch.identity for patch, _ in done.failed}
    lost = tuple((patch, UNSEEN) for patch in done.fresh if patch.identity not in known)
    failed = tuple(each for each in done.failed if each[0] not in fresh)
    return done._replace(fresh=fresh, failed=failed + lost + _left_broken(host, failed + lost))


def _left_broken(host: Host, known: Sequence[Tuple[Patch, Attempt]]) -> Tuple[Tuple[Patch, Attempt], ...]:
    """Packages that are half installed, whoever began it, and that no other failure speaks of."""
    named = {patch.identity for patch, _ in known}
    broken = [package.current for package in host.packages if package.is_broken]
    return tuple((patch, HALF) for patch in broken if patch.identity not in named)


def _foretold(kept: Record, case: Case, targets: Sequence[Patch]) -> Record:
    """On disk before anything is installed. Trouble when there is no room even for that."""
    now_ms = machine.now_ms()
    intended = [Waiting(*patch.identity, patch.version, case.boot, now_ms) for patch in targets]
    noted = kept.with_intended(intended)._replace(snapshot_id=case.snapshot.snapshot_id)
    try:
        record.write(case.order.state, noted)
    except OSError as wrong:
        sentence = "%s cannot be written, so nothing was installed: %s" % (case.order.state, wrong)
        kind = trouble.DISK_FULL if wrong.errno == errno.ENOSPC else trouble.OTHER
        raise trouble.Trouble(kind, "%s: %s" % (kind, sentence)) from None
    return noted


def _noted(kept: Record, case: Case, done: Done) -> Record:
    """On disk before anything is reported. On a full disk what was foretold stands, which says no less."""
    noted = kept._replace(snapshot_id=case.snapshot.snapshot_id)
    if done.fresh and case.order.reboot_option == NO_REBOOT:
        noted = noted._replace(last_without_restart_ms=machine.now_ms())
    _write(case, noted)
    return noted


def _write(case: Case, kept: Record) -> None:
    try:
        record.write(case.order.state, kept)
    except OSError as wrong:
        print("warning: %s cannot be written: %s" % (case.order.state, wrong), file=sys.stderr, flush=True)


def _whole(host: Host) -> Dict[Identity, str]:
    """The versions that are installed, and not halfway."""
    return {
        package.current.identity: package.current.version
        for package in host.packages
        if not package.is_broken
    }


def _course(case: Case, kept: Record, not_applicable: int) -> Course:
    return Course(
        case.server.where.node_id if case.server else "",
        case.order.operation,
        case.order.reboot_option,
        case.execution_id,
        case.started_ms,
        machine.now_ms(),
        case.order.install_override_list,
        kept.last_without_restart_ms,
        not_applicable,
        case.order.association_id,
    )


def _end(case: Case, kept: Record, done: Done) -> int:
    """What is still to be done decides the exit code; the record forgets a run that is over."""
    may_restart = case.order.is_install and case.order.reboot_option != NO_REBOOT
    if kept.waiting and may_restart:
        return _restart(case, kept)
    _write(case, kept.ended())
    if done.failed:
        raise Failure(*_why(done.failed))
    return 0


def _restart(case: Case, kept: Record) -> int:
    """Ask for a restart, unless the last one did not happen or too many did."""
    waiting = len(kept.waiting)
    was_ignored = bool(kept.run_boot) and kept.run_boot == case.boot
    if not was_ignored and kept.restarts < RESTARTS_MAX:
        # A restart that cannot be counted could be asked for without end.
        record.write(case.order.state, kept._replace(restarts=kept.restarts + 1, run_boot=case.boot))
        print("restarting the machine: %d packages wait for it" % waiting, flush=True)
        return failure.RESTART
    _write(case, kept.ended())
    if was_ignored:
        sentence = "the machine was not restarted, though it was asked to"
    else:
        sentence = "%d restarts did not end the waiting" % kept.restarts
    raise Failure(failure.FAILED, "%s; %d packages still wait for a restart" % (sentence, waiting))


def _why(failed: Sequence[Tuple[Patch, Attempt]]) -> Tuple[int, str]:
    by_reason: Dict[str, List[str]] = {}
    for patch, went in failed:
        by_reason.setdefault(went.sentence, []).append(patch.id)
    said = "; ".join(
        "%s%s: %s" % (", ".join(ids[:5]), " and %d more" % (len(ids) - 5) if len(ids) > 5 else "", reason)
        for reason, ids in by_reason.items()
    )
    is_dependency = all(went.kind == trouble.DEPENDENCY for _, went in failed)
    code = failure.DEPENDENCY if is_dependency else failure.FAILED
    return code, "%d of the patches could not be installed: %s" % (len(failed), said)
