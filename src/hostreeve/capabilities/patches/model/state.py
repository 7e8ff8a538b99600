"""How a node stands: what its last scan or install counted, as it is reported and as AWS callers see it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from hostreeve.capabilities.patches.model.baseline import LEVELS

OPERATIONS = ("Scan", "Install")
REBOOT_OPTIONS = ("RebootIfNeeded", "NoReboot")
COUNT_MAX = 1_000_000_000

COUNTS: Mapping[str, str] = {
    "InstalledCount": "installed",
    "InstalledOtherCount": "installed_other",
    "InstalledPendingRebootCount": "installed_pending",
    "InstalledRejectedCount": "installed_rejected",
    "MissingCount": "missing",
    "FailedCount": "failed",
    "NotApplicableCount": "not_applicable",
    "UnreportedNotApplicableCount": "unreported",
    "AvailableSecurityUpdateCount": "available_security",
    "CriticalNonCompliantCount": "critical_non_compliant",
    "SecurityNonCompliantCount": "security_non_compliant",
    "OtherNonCompliantCount": "other_non_compliant",
}
"""The counts of InstancePatchState, and of a State."""

GROUP_COUNTS: Mapping[str, str] = {
    "InstancesWithInstalledPatches": "installed",
    "InstancesWithInstalledOtherPatches": "installed_other",
    "InstancesWithInstalledPendingRebootPatches": "installed_pending",
    "InstancesWithInstalledRejectedPatches": "installed_rejected",
    "InstancesWithMissingPatches": "missing",
    "InstancesWithFailedPatches": "failed",
    "InstancesWithNotApplicablePatches": "not_applicable",
    "InstancesWithUnreportedNotApplicablePatches": "unreported",
    "InstancesWithCriticalNonCompliantPatches": "critical_non_compliant",
    "InstancesWithSecurityNonCompliantPatches": "security_non_compliant",
    "InstancesWithOtherNonCompliantPatches": "other_non_compliant",
    "InstancesWithAvailableSecurityUpdates": "available_security",
}
"""The counts of DescribePatchGroupState: nodes that have any of these."""


class State(Struct, frozen=True, kw_only=True):
    """What a node reported last. Texts that were not told are empty, times are ms; `severity` is empty for a
    node that is compliant."""

    node_id: str
    patch_group: str
    baseline_id: str
    snapshot_id: str
    operation: str
    reboot_option: str
    override_list: str
    severity: str
    started_ms: int
    ended_ms: int
    no_reboot_ms: int | None
    installed: int
    installed_other: int
    installed_pending: int
    installed_rejected: int
    missing: int
    failed: int
    not_applicable: int
    unreported: int
    available_security: int
    critical_non_compliant: int
    security_non_compliant: int
    other_non_compliant: int


def reported(node_id: str, row: Mapping[str, str]) -> State:
    """A row of AWS:PatchSummary, read. ValueError says what of it cannot be."""
    severity = row.get("NonCompliantSeverity", "")
    no_reboot = row.get("LastNoRebootInstallOperationTime", "")
    return State(
        node_id=node_id,
        patch_group=row.get("PatchGroup", ""),
        baseline_id=row.get("BaselineId", ""),
        snapshot_id=row.get("SnapshotId", ""),
        operation=_one_of("OperationType", row.get("OperationType", ""), OPERATIONS),
        reboot_option=_one_of("RebootOption", row.get("RebootOption", ""), ("", *REBOOT_OPTIONS)),
        override_list=row.get("InstallOverrideList", ""),
        severity=_one_of("NonCompliantSeverity", severity, ("", *LEVELS)),
        started_ms=_moment("OperationStartTime", row.get("OperationStartTime", "")),
        ended_ms=_moment("OperationEndTime", row.get("OperationEndTime", "")),
        no_reboot_ms=_moment("LastNoRebootInstallOperationTime", no_reboot) if no_reboot else None,
        **{attribute: _count(member, row.get(member, "0")) for member, attribute in COUNTS.items()},
    )


def _one_of(member: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(
            f"{member} is {value[:40]!r}, and none of {', '.join(each for each in known if each)}"
        )
    return value


def _moment(member: str, text: str) -> int:
    try:
        return round(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(f"{member} is {text[:40]!r}, and no time such as 2026-11-29T09:00:00Z") from None


def _count(member: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= COUNT_MAX):
        raise ValueError(f"{member} is {text[:40]!r}, and no number from 0 on")
    return int(text)


def described(state: State) -> dict[str, Any]:
    """The members of InstancePatchState."""
    shown: dict[str, Any] = {
        "InstanceId": state.node_id,
        "PatchGroup": state.patch_group,
        "BaselineId": state.baseline_id,
        "OperationStartTime": state.started_ms / 1000,
        "OperationEndTime": state.ended_ms / 1000,
        "Operation": state.operation,
    }
    shown |= {member: getattr(state, attribute) for member, attribute in COUNTS.items()}
    told = {
        "SnapshotId": state.snapshot_id,
        "InstallOverrideList": state.override_list,
        "RebootOption": state.reboot_option,
    }
    shown |= {member: value for member, value in told.items() if value}
    if state.no_reboot_ms is not None:
        shown["LastNoRebootInstallOperationTime"] = state.no_reboot_ms / 1000
    return shown


_WIRE = {
    "Installed": "INSTALLED",
    "InstalledOther": "INSTALLED_OTHER",
    "InstalledPendingReboot": "INSTALLED_PENDING_REBOOT",
    "InstalledRejected": "INSTALLED_REJECTED",
    "Missing": "MISSING",
    "NotApplicable": "NOT_APPLICABLE",
    "Failed": "FAILED",
    "AvailableSecurityUpdate": "AVAILABLE_SECURITY_UPDATE",
}
STATES = tuple(_WIRE)
"""A patch's states as nodes report them and as filters name them; answers have them in capitals."""
_WITHOUT_DETAILS = ("InstalledOther", "NotApplicable")


def described_patch(identity: str, title: str, details: Mapping[str, str]) -> dict[str, Any]:
    """The members of PatchComplianceData, from a compliance item."""
    state = details.get("PatchState", "")
    # AWS tells neither of patches that the baseline does not govern.
    is_told = state not in _WITHOUT_DETAILS
    shown: dict[str, Any] = {
        "Title": title,
        "KBId": identity,
        "Classification": details.get("Classification", "") if is_told else "",
        "Severity": details.get("PatchSeverity", "") if is_told else "",
        "State": _WIRE.get(state, state),
        "InstalledTime": _installed_s(details.get("InstalledTime", "")),
    }
    if details.get("CVEIds"):
        shown["CVEIds"] = details["CVEIds"]
    return shown


def _installed_s(text: str) -> float:
    """Seconds; 0 for what is not installed, or nobody knows since when."""
    try:
        return _moment("InstalledTime", text) / 1000 if text else 0.0
    except ValueError:
        return 0.0
