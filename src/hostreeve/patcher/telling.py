"""The rim of a run: which server, which package manager, and handing in the report."""

import json
import os
import sys
import uuid
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from hostreeve.patcher import apk, apt, dnf, failure, offers, report, server, states, trouble, zypper
from hostreeve.patcher.failure import Failure
from hostreeve.patcher.machine import System
from hostreeve.patcher.model import APK, APT, MISSING, RPM, ZYPP, Rows, Snapshot, Verdict
from hostreeve.patcher.options import Order
from hostreeve.patcher.packager import Packager, Settings
from hostreeve.patcher.report import Course
from hostreeve.patcher.server import Refused, Server, Unreachable

BY_ASSOCIATION = "AWS-RunPatchBaselineAssociation"
_MANAGERS: Dict[str, Callable[[Settings], Packager]] = {
    APK: apk.Apk,
    APT: apt.Apt,
    RPM: dnf.Dnf,
    ZYPP: zypper.Zypper,
}
_RESENT = ("ItemContentMismatchException", "InvalidItemContentException")


class About(NamedTuple):
    """What the report says besides the rows."""

    order: Order
    system: System
    family: str
    verdicts: Tuple[Verdict, ...]


def server_for(order: Order) -> Optional[Server]:
    """None when the run works with files. Failure when the environment names no server."""
    if order.snapshot_file:
        return None
    try:
        return server.in_environment()
    except Refused as wrong:
        raise Failure(failure.FAILED, str(wrong)) from None


def packager_of(system: System, settings: Settings) -> Packager:
    """Trouble when there is none for this host."""
    if system.family not in _MANAGERS:
        raise trouble.Trouble(trouble.OTHER, "no package manager of %s is known here" % system.product)
    return _MANAGERS[system.family](settings)


def fresh_id() -> str:
    return str(uuid.uuid4())


def tell(where: Optional[Server], course: Course, snapshot: Snapshot, rows: Rows, about: About) -> None:
    """Print the result, hand it in. Failure when the server does not take it."""
    _show(course, snapshot, rows)
    if about.order.report_file:
        _write(about.order.report_file, course, snapshot, rows, about)
    # A baseline that somebody tries does not displace what is known of the node by its own.
    is_trial = bool(about.order.baseline_override) and not about.order.association_id
    if where is None or is_trial:
        return
    try:
        if about.order.document == BY_ASSOCIATION:
            members = report.association(course, snapshot, rows, _severity(rows))
            where.call("AmazonSSM.PutComplianceItems", members)
        else:
            _put(where, report.inventory(course, snapshot, rows))
    except (Refused, Unreachable) as wrong:
        raise Failure(failure.REPORT_REFUSED, "the report was not taken: %s" % wrong) from None
    try:
        where.call("Hostreeve.ReportPatches", _offered(course, snapshot, about), "hostreeve")
    except (Refused, Unreachable) as wrong:
        print("warning: the list of available patches was not taken: %s" % wrong, file=sys.stderr)


def _severity(rows: Rows) -> str:
    return states.worst_level(rows) or "UNSPECIFIED"


def _put(where: Server, items: List[Dict[str, Any]]) -> None:
    """Once more when the server wants the whole content (it has it), once shorter when it was too much."""
    members = {"InstanceId": where.where.node_id, "Items": items}
    try:
        where.call("AmazonSSM.PutInventory", members)
    except Refused as wrong:
        if wrong.code in _RESENT:
            where.call("AmazonSSM.PutInventory", members)
        elif wrong.code == "ItemSizeLimitExceededException":
            where.call("AmazonSSM.PutInventory", dict(members, Items=report.shortened(items)))
        else:
            raise


def _offered(course: Course, snapshot: Snapshot, about: About) -> Dict[str, Any]:
    has_target = any(verdict.target is not None for verdict in about.verdicts)
    return {
        "InstanceId": course.node_id,
        "SnapshotId": snapshot.snapshot_id,
        "OperatingSystem": about.system.operating_system,
        "Product": snapshot.product,
        "Operation": course.operation,
        "RebootRequired": has_target,
        "Patches": offers.offers(about.verdicts, about.family),
    }


def _write(path: str, course: Course, snapshot: Snapshot, rows: Rows, about: About) -> None:
    found = {
        "Items": report.inventory(course, snapshot, rows),
        "Offered": _offered(course, snapshot, about),
    }
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
    os.replace(path + ".new", path)


def _show(course: Course, snapshot: Snapshot, rows: Rows) -> None:
    """For who reads the command's output: the counts, and each package that is not compliant."""
    content = report.summary(course, snapshot, rows)
    name = snapshot.baseline.name or snapshot.baseline.id or "given with the command"
    print("%s with baseline %s, patch group %r" % (course.operation, name, snapshot.patch_group))
    print(", ".join("%s %s" % (state, content[state + "Count"]) for state in states.STATES))
    for row in rows:
        if not row.is_compliant or row.state == MISSING:
            print("  %-22s %s  %s" % (row.state, row.patch.title, row.reason))
    sys.stdout.flush()
