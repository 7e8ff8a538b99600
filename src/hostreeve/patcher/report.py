"""The report: what PutInventory and PutComplianceItems are given (docs/reference/patch-payload.md)."""

import hashlib
import json
from datetime import datetime, timezone
from typing import Any, Dict, List, NamedTuple, Optional

from hostreeve.patcher import states
from hostreeve.patcher.model import (
    FAILED,
    INSTALLED,
    INSTALLED_OTHER,
    INSTALLED_PENDING_REBOOT,
    INSTALLED_REJECTED,
    MISSING,
    Row,
    Rows,
    Snapshot,
)

ROWS_MAX = 10_000
"""So many entries does an inventory item have at most; those that are not compliant come first."""
_ABSENT = (MISSING, FAILED)
_ORDER = {
    FAILED: 0,
    MISSING: 1,
    INSTALLED_REJECTED: 2,
    INSTALLED_PENDING_REBOOT: 3,
    INSTALLED: 4,
    INSTALLED_OTHER: 5,
}


class Course(NamedTuple):
    """How the run went: texts as they were given, times in milliseconds."""

    node_id: str
    operation: str
    reboot_option: str
    execution_id: str
    started_ms: int
    ended_ms: int
    install_override_list: str = ""
    last_without_restart_ms: int = 0
    not_applicable: int = 0
    association_id: str = ""


def stamp(at_ms: int) -> str:
    """`2026-11-29T09:00:00Z`; empty for 0."""
    if not at_ms:
        return ""
    return datetime.fromtimestamp(at_ms // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def summary(course: Course, snapshot: Snapshot, rows: Rows) -> Dict[str, str]:
    """The one row of AWS:PatchSummary."""
    counted = states.counts(rows)
    critical, security, other = states.non_compliant_counts(rows)
    content = {
        "BaselineId": snapshot.baseline.id,
        "PatchGroup": snapshot.patch_group,
        "SnapshotId": snapshot.snapshot_id,
        "ExecutionId": course.execution_id,
        "OperationType": course.operation,
        "OperationStartTime": stamp(course.started_ms),
        "OperationEndTime": stamp(course.ended_ms),
        "RebootOption": course.reboot_option,
        "NotApplicableCount": str(course.not_applicable),
        "CriticalNonCompliantCount": str(critical),
        "SecurityNonCompliantCount": str(security),
        "OtherNonCompliantCount": str(other),
    }
    content.update({state + "Count": str(count) for state, count in counted.items()})
    if course.install_override_list:
        content["InstallOverrideList"] = course.install_override_list
    if course.last_without_restart_ms:
        content["LastNoRebootInstallOperationTime"] = stamp(course.last_without_restart_ms)
    worst = states.worst_level(rows)
    if worst:
        content["NonCompliantSeverity"] = worst
    return content


def compliance(course: Course, snapshot: Snapshot, rows: Rows) -> List[Dict[str, str]]:
    """The rows of AWS:ComplianceItem, those that are not compliant first, at most ROWS_MAX."""
    ordered = sorted(rows, key=lambda row: (_ORDER[row.state], row.patch.id))
    return [_item(row, course, snapshot) for row in ordered[:ROWS_MAX]]


def _item(row: Row, course: Course, snapshot: Snapshot) -> Dict[str, str]:
    item = {
        "Id": row.patch.id,
        "Title": row.patch.title,
        "Severity": row.level,
        "Status": "COMPLIANT" if row.is_compliant else "NON_COMPLIANT",
        "PatchState": row.state,
        "PatchBaselineId": snapshot.baseline.id,
        "PatchGroup": snapshot.patch_group,
        "InstalledTime": "" if row.state in _ABSENT else stamp(row.installed_ms),
        "Classification": row.patch.classification or row.patch.section,
        "PatchSeverity": row.patch.severity or row.patch.priority,
        "CVEIds": ",".join(row.patch.cves) if row.state in _ABSENT else "",
        "DocumentName": "",
        "DocumentVersion": "",
    }
    if course.install_override_list:
        item["InstallOverrideList"] = course.install_override_list
    return item


def inventory(course: Course, snapshot: Snapshot, rows: Rows) -> List[Dict[str, Any]]:
    """The items of one PutInventory."""
    captured = stamp(course.ended_ms)
    context = {
        "ComplianceType": "Patch",
        "ExecutionId": snapshot.snapshot_id,
        "ExecutionType": "Command",
        "ExecutionTime": stamp(course.started_ms),
    }
    return [
        _inventory_item("AWS:PatchSummary", captured, [summary(course, snapshot, rows)]),
        _inventory_item("AWS:ComplianceItem", captured, compliance(course, snapshot, rows), context),
    ]


def association(course: Course, snapshot: Snapshot, rows: Rows, severity: str) -> Dict[str, Any]:
    """The members of PutComplianceItems, for AWS-RunPatchBaselineAssociation."""
    detail = summary(course, snapshot, rows)
    for name in ("BaselineId", "RebootOption"):
        del detail[name]
    item = {
        "Id": course.association_id,
        "Title": snapshot.baseline.name or snapshot.baseline.id,
        "Severity": severity,
        "Status": "COMPLIANT" if all(row.is_compliant for row in rows) else "NON_COMPLIANT",
        "Details": {
            "DocumentName": "AWS-RunPatchBaselineAssociation",
            "DocumentVersion": "1",
            "PatchBaselineId": snapshot.baseline.id,
            "DetailedText": json.dumps(detail, sort_keys=True),
        },
    }
    return {
        "ResourceId": course.node_id,
        "ResourceType": "ManagedInstance",
        "ComplianceType": "Association",
        "UploadType": "PARTIAL",
        "ExecutionSummary": {
            "ExecutionTime": course.started_ms // 1000,
            "ExecutionId": course.association_id,
            "ExecutionType": "Command",
        },
        "Items": [item],
    }


def shortened(items: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """The same without the CVE ids, for a server that finds it too large."""
    lean = []
    for item in items:
        content = [
            {name: value for name, value in row.items() if name != "CVEIds"} for row in item["Content"]
        ]
        lean.append(_inventory_item(item["TypeName"], item["CaptureTime"], content, item.get("Context")))
    return lean


def _inventory_item(
    name: str, captured: str, content: List[Dict[str, str]], context: Optional[Dict[str, str]] = None
) -> Dict[str, Any]:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    item: Dict[str, Any] = {
        "TypeName": name,
        "SchemaVersion": "1.0",
        "CaptureTime": captured,
        "ContentHash": hashlib.sha256(text.encode("utf-8")).hexdigest(),
        "Content": content,
    }
    if context:
        item["Context"] = context
    return item
