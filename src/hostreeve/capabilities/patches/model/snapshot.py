"""What a node is given to patch by: its baseline in the shape that AWS's payload reads
(docs/reference/patch-payload.md)."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.capabilities.patches.model.baseline import Baseline, shown_id
from hostreeve.capabilities.patches.model.systems import APT
from hostreeve.kernel.scope import Scope

DAY_MS = 86_400_000
URL_VALID_MS = DAY_MS
"""How long an address of a snapshot is good."""
KEPT_MS = 3 * DAY_MS
"""How long the same id is the same snapshot."""


def content(baseline: Baseline, scope: Scope, patch_group: str) -> dict[str, Any]:
    """The document that a node downloads. Without an id it is a BaselineOverride."""
    return {
        "patchGroup": patch_group,
        "patchBaseline": {
            "accountId": scope.account,
            "baselineId": shown_id(baseline, scope.region) if baseline.baseline_id else "",
            "name": baseline.name,
            "operatingSystem": baseline.operating_system,
            "description": baseline.description or "",
            "globalFilters": _group(baseline.global_filters),
            "approvalRules": {"rules": [_rule(rule, baseline.operating_system) for rule in baseline.rules]},
            "approvedPatches": baseline.approved,
            "approvedPatchesComplianceLevel": baseline.approved_level,
            "approvedPatchesEnableNonSecurity": baseline.approved_non_security,
            "rejectedPatches": baseline.rejected,
            "rejectedPatchesAction": baseline.rejected_action,
            "availableSecurityUpdatesComplianceStatus": baseline.available_security,
            "sources": [
                {
                    "name": source["Name"],
                    "products": source["Products"],
                    "configuration": source["Configuration"],
                }
                for source in baseline.sources
            ],
            "createdTime": baseline.created_ms / 1000,
            "modifiedTime": baseline.modified_ms / 1000,
        },
    }


def _group(filters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"filters": [{"key": each["Key"], "values": each["Values"]} for each in filters]}


def _rule(rule: Mapping[str, Any], operating_system: str) -> dict[str, Any]:
    # AWS: "Not supported for Debian Server or Ubuntu Server".
    is_dated = operating_system not in APT
    return {
        "filterGroup": _group(rule["PatchFilterGroup"]["PatchFilters"]),
        "complianceLevel": rule["ComplianceLevel"],
        "approveAfterDays": rule.get("ApproveAfterDays") if is_dated else None,
        "approveUntilDate": rule.get("ApproveUntilDate") if is_dated else None,
        "enableNonSecurity": rule["EnableNonSecurity"],
    }
