"""Plans and the fleet's numbers, as callers see them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from hostreeve.capabilities.patches.model.baseline import LEVELS, Baseline, shown_id
from hostreeve.capabilities.patches.model.judging import Judged
from hostreeve.patcher.model import APPROVED, PENDING, REJECTED


class Report(Protocol):
    """What a node reported, without the versions."""

    @property
    def operating_system(self) -> str: ...
    @property
    def product(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def snapshot_id(self) -> str: ...
    @property
    def reported_ms(self) -> int: ...


def described_baseline(baseline: Baseline, region: str, patch_group: str) -> dict[str, Any]:
    return {
        "BaselineId": shown_id(baseline, region),
        "BaselineName": baseline.name,
        "PatchGroup": patch_group,
    }


def described_reported(reported: Report) -> dict[str, Any]:
    return {
        "OperatingSystem": reported.operating_system,
        "Product": reported.product,
        "ReportedTime": reported.reported_ms / 1000,
        "ReportedBy": reported.operation,
        "SnapshotId": reported.snapshot_id,
    }


def described(found: Sequence[Judged]) -> dict[str, Any]:
    """What would be installed, what waits for its day, and how many versions are left for other reasons.

    `RebootRequired`: an installation with RebootIfNeeded would restart the node, as it does after installing
    anything at all; `RebootAdvised`: a version is among them that is only in use after a restart.
    """
    targets = [each for each in found if each.is_target]
    pending = [each for each in found if each.choice.decision == PENDING]
    rejected = [each for each in found if each.choice.decision == REJECTED]
    approved = {(each.offer.version.name, each.offer.version.arch) for each in found if _is_approved(each)}
    held = approved - {(each.offer.version.name, each.offer.version.arch) for each in targets}
    return {
        "Install": [_patch(each) for each in targets],
        "Waiting": [_patch(each) for each in pending],
        "RejectedCount": len(rejected),
        "HeldCount": len(held),
        "NotSelectedCount": sum(each.choice.decision == "NOT_SELECTED" for each in found),
        "RebootRequired": bool(targets),
        "RebootAdvised": any(each.offer.wants_reboot for each in targets),
    }


def _is_approved(each: Judged) -> bool:
    return each.choice.decision == APPROVED


def _patch(each: Judged) -> dict[str, Any]:
    version = each.offer.version
    return {
        "Title": version.title,
        "Name": version.name,
        "Version": version.full_version,
        "InstalledVersion": each.offer.installed,
        "Reason": each.choice.reason,
        "ComplianceLevel": each.choice.level,
        "Classification": version.classification,
        "Severity": version.severity or version.priority,
        "AdvisoryIds": version.advisories,
        "CVEIds": version.cves,
        "RebootAdvised": each.offer.wants_reboot,
    }


def summed(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How many nodes are up to date, lack patches, have errors: each counts once, for its worst."""
    total = {"Reported": 0, "UpToDate": 0, "Missing": 0, "Error": 0, "PendingReboot": 0, "Rejected": 0}
    patches = {"MissingPatches": 0, "FailedPatches": 0, "CriticalPatches": 0, "SecurityPatches": 0}
    severities = dict.fromkeys(reversed(LEVELS), 0)
    by_baseline: dict[str, int] = {}
    oldest_ms: int | None = None
    for row in rows:
        number = int(row["nodes"])
        total["Reported"] += number
        total[_standing(row)] += number
        for member, column in zip(patches, ("patches", "failures", "critical", "security"), strict=True):
            patches[member] += int(row[column])
        if row["severity"]:
            severities[row["severity"]] += number
        by_baseline[row["baseline_id"]] = by_baseline.get(row["baseline_id"], 0) + number
        oldest_ms = min(int(row["oldest_ms"]), oldest_ms or int(row["oldest_ms"]))
    shown: dict[str, Any] = total | patches
    shown["NonCompliantBySeverity"] = [
        {"Severity": level, "Nodes": number} for level, number in severities.items() if number
    ]
    shown["ByBaseline"] = [
        {"BaselineId": baseline_id, "Nodes": number} for baseline_id, number in sorted(by_baseline.items())
    ]
    return shown | ({"OldestReportTime": oldest_ms / 1000} if oldest_ms is not None else {})


def _standing(row: Mapping[str, Any]) -> str:
    for column, standing in (
        ("failed", "Error"),
        ("missing", "Missing"),
        ("waits", "PendingReboot"),
        ("rejected", "Rejected"),
    ):
        if row[column]:
            return standing
    return "UpToDate"
