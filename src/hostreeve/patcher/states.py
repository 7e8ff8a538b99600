"""What the report says of each package, by AWS's words. Nothing here touches the host."""

from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from hostreeve.patcher.model import (
    BLOCK,
    FAILED,
    INSTALLED,
    INSTALLED_OTHER,
    INSTALLED_PENDING_REBOOT,
    INSTALLED_REJECTED,
    MISSING,
    Counts,
    Identity,
    Row,
    Rows,
    Verdict,
    highest,
)

STATES = (
    INSTALLED,
    INSTALLED_OTHER,
    INSTALLED_REJECTED,
    INSTALLED_PENDING_REBOOT,
    MISSING,
    FAILED,
)


class Deeds(NamedTuple):
    """What this and earlier runs did.

    `pending`: full versions that were installed since the last start of the machine without one. `tried`:
    packages whose installation was attempted in this run, None in a scan.
    """

    pending: Dict[Identity, str]
    tried: Optional[Set[Identity]] = None


def rows(verdicts: Iterable[Verdict], rejected_action: str, deeds: Deeds) -> Rows:
    """One row per installed package, judged after whatever was done."""
    return [_row(verdict, rejected_action, deeds) for verdict in verdicts]


def _row(verdict: Verdict, rejected_action: str, deeds: Deeds) -> Row:
    current = verdict.package.current
    installed_ms = verdict.package.installed_ms
    if verdict.is_rejected and rejected_action == BLOCK:
        return Row(current, INSTALLED_REJECTED, verdict.level, installed_ms)
    if verdict.target is not None:
        was_tried = deeds.tried is not None and current.identity in deeds.tried
        state = FAILED if was_tried else MISSING
        return Row(verdict.target.patch, state, verdict.target.level, 0, verdict.target.reason)
    is_in_baseline = verdict.is_approved and not verdict.is_rejected
    if verdict.package.is_broken and is_in_baseline:
        return Row(current, MISSING if deeds.tried is None else FAILED, verdict.level, 0, "half installed")
    if deeds.pending.get(current.identity) == current.version:
        return Row(current, INSTALLED_PENDING_REBOOT, verdict.level, installed_ms)
    return Row(current, INSTALLED if is_in_baseline else INSTALLED_OTHER, verdict.level, installed_ms)


def counts(found: Rows) -> Counts:
    """How many packages are in each state, by the state's name."""
    counted = dict.fromkeys(STATES, 0)
    for row in found:
        counted[row.state] += 1
    return counted


def non_compliant_counts(found: Rows) -> Tuple[int, int, int]:
    """Packages that are not compliant: at level CRITICAL; security updates; neither of both."""
    wrong = [row for row in found if not row.is_compliant]
    critical = [row for row in wrong if row.level == "CRITICAL"]
    security = [row for row in wrong if is_security(row)]
    other = [row for row in wrong if row.level != "CRITICAL" and not is_security(row)]
    return len(critical), len(security), len(other)


def is_security(row: Row) -> bool:
    """By its advisory's class, or (apt) by the pocket it comes from."""
    return row.patch.is_security or row.patch.classification.lower() == "security"


def worst_level(found: Rows) -> str:
    """Of the rows that are not compliant, at least INFORMATIONAL; empty when all are compliant."""
    levels: List[str] = [row.level for row in found if not row.is_compliant]
    return highest(["INFORMATIONAL", *levels]) if levels else ""
