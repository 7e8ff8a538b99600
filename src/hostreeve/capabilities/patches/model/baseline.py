"""A patch baseline: which patches are approved for an operating system, and how that is shown and checked."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from hostreeve.capabilities.patches.model.names import trouble_with
from hostreeve.capabilities.patches.model.systems import ANY, APT, CLOSED, FILTERS, LINUX, WINDOWS
from hostreeve.kernel.scope import PARTITION, SERVICE_ACCOUNT, Scope
from hostreeve.kernel.world import World

UNSPECIFIED = "UNSPECIFIED"
LEVELS = ("UNSPECIFIED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
"""Compliance levels, the highest last."""
ALLOW, BLOCK = "ALLOW_AS_DEPENDENCY", "BLOCK"


class Baseline(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A baseline as it was asked for. Filters, rules and sources are AWS's own shapes.

    `baseline_id` is `pb-` and 17 digits, also of AWS's, whose ARN has the account that owns them all.
    """

    baseline_id: str
    name: str
    operating_system: str
    created_ms: int
    modified_ms: int
    description: str | None = None
    global_filters: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = []
    approved: list[str] = []
    approved_level: str = UNSPECIFIED
    approved_non_security: bool = False
    rejected: list[str] = []
    rejected_action: str = ALLOW
    sources: list[dict[str, Any]] = []
    available_security: str | None = None
    is_aws: bool = False


MEMBERS = {
    "Name": "name",
    "Description": "description",
    "GlobalFilters": "global_filters",
    "ApprovalRules": "rules",
    "ApprovedPatches": "approved",
    "ApprovedPatchesComplianceLevel": "approved_level",
    "ApprovedPatchesEnableNonSecurity": "approved_non_security",
    "RejectedPatches": "rejected",
    "RejectedPatchesAction": "rejected_action",
    "Sources": "sources",
    "AvailableSecurityUpdatesComplianceStatus": "available_security",
}


def new_baseline_id(world: World) -> str:
    return "pb-" + world.hex(17)


def baseline_arn(scope: Scope, baseline_id: str) -> str:
    """The ARN of a baseline; an id that is an ARN is its own."""
    return baseline_id if baseline_id.startswith("arn:") else scope.arn("ssm", f"patchbaseline/{baseline_id}")


def aws_arn(region: str, baseline_id: str) -> str:
    """AWS's own baselines are known by nothing but this."""
    return f"arn:{PARTITION}:ssm:{region}:{SERVICE_ACCOUNT}:patchbaseline/{baseline_id}"


def shown_id(baseline: Baseline, region: str) -> str:
    return aws_arn(region, baseline.baseline_id) if baseline.is_aws else baseline.baseline_id


def given(request: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that a request names."""
    values = {name: request[member] for member, name in MEMBERS.items() if member in request}
    if "global_filters" in values:
        values["global_filters"] = list(values["global_filters"]["PatchFilters"])
    if "rules" in values:
        values["rules"] = [_rule(rule) for rule in values["rules"]["PatchRules"]]
    return values


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"ComplianceLevel": UNSPECIFIED, "EnableNonSecurity": False, **rule}


def check(baseline: Baseline) -> None:
    """ValueError says what of a baseline cannot be."""
    system = baseline.operating_system
    _check_filters("GlobalFilters", system, baseline.global_filters)
    for number, rule in enumerate(baseline.rules, 1):
        _check_rule(f"approval rule {number}", system, rule)
    for member, names in (("ApprovedPatches", baseline.approved), ("RejectedPatches", baseline.rejected)):
        for name in names:
            trouble = trouble_with(system, name, is_rejected=member == "RejectedPatches")
            if trouble:
                raise ValueError(f"{member} of a baseline for {system} cannot name {name}: {trouble}")
    if baseline.approved_non_security and system not in LINUX:
        raise ValueError(f"ApprovedPatchesEnableNonSecurity is for Linux only, not for {system}")
    if baseline.available_security is not None and system != WINDOWS:
        raise ValueError(f"AvailableSecurityUpdatesComplianceStatus is for WINDOWS only, not for {system}")
    _check_sources(system, baseline.sources)


def _check_filters(where: str, system: str, filters: Sequence[Mapping[str, Any]]) -> None:
    seen: set[str] = set()
    for each in filters:
        key, values = each["Key"], each["Values"]
        if key not in FILTERS[system]:
            known = ", ".join(FILTERS[system])
            raise ValueError(f"the filter {key} in {where} is not one for {system}: {known}")
        if key in seen:
            raise ValueError(f"the filter {key} is twice in {where}")
        seen.add(key)
        wrong = [value for value in values if value not in (ANY, *CLOSED.get(key, values))]
        if wrong:
            raise ValueError(f"the filter {key} in {where} has no value {wrong[0]}: {', '.join(CLOSED[key])}")


def _check_rule(where: str, system: str, rule: Mapping[str, Any]) -> None:
    _check_filters(where, system, rule["PatchFilterGroup"]["PatchFilters"])
    days, until = rule.get("ApproveAfterDays"), rule.get("ApproveUntilDate")
    if days is not None and until is not None:
        raise ValueError(f"{where} has both ApproveAfterDays and ApproveUntilDate: give one")
    # Packages of apt have no dates: AWS asks for neither there, and goes by none.
    if days is None and until is None and system not in APT:
        raise ValueError(f"{where} needs ApproveAfterDays or ApproveUntilDate")
    if until is not None:
        _check_date(where, until)
    if rule["EnableNonSecurity"] and system not in LINUX:
        raise ValueError(f"EnableNonSecurity in {where} is for Linux only, not for {system}")


def _check_date(where: str, text: str) -> None:
    try:
        is_date = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_date = False
    if not is_date:
        raise ValueError(f"ApproveUntilDate in {where} is not a date YYYY-MM-DD: {text}")


def _check_sources(system: str, sources: Sequence[Mapping[str, Any]]) -> None:
    if sources and system not in LINUX:
        raise ValueError(f"Sources are for Linux only, not for {system}")
    names = [source["Name"] for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"the source {twice} is named twice")
    for source in sources:
        if system in APT and len(source["Configuration"].splitlines()) > 1:
            raise ValueError(f"the Configuration of the source {source['Name']} must be a single line")


def described(baseline: Baseline, region: str) -> dict[str, Any]:
    """The members of UpdatePatchBaseline's answer; GetPatchBaseline has PatchGroups besides."""
    shown = {
        "BaselineId": shown_id(baseline, region),
        "Name": baseline.name,
        "OperatingSystem": baseline.operating_system,
        "GlobalFilters": {"PatchFilters": baseline.global_filters},
        "ApprovalRules": {"PatchRules": baseline.rules},
        "ApprovedPatches": baseline.approved,
        "ApprovedPatchesComplianceLevel": baseline.approved_level,
        "ApprovedPatchesEnableNonSecurity": baseline.approved_non_security,
        "RejectedPatches": baseline.rejected,
        "RejectedPatchesAction": baseline.rejected_action,
        "CreatedDate": baseline.created_ms / 1000,
        "ModifiedDate": baseline.modified_ms / 1000,
        "Sources": baseline.sources,
    }
    if baseline.description is not None:
        shown["Description"] = baseline.description
    if baseline.available_security is not None:
        shown["AvailableSecurityUpdatesComplianceStatus"] = baseline.available_security
    return shown


def described_identity(baseline: Baseline, region: str, *, is_default: bool) -> dict[str, Any]:
    """The members of PatchBaselineIdentity."""
    shown = {
        "BaselineId": shown_id(baseline, region),
        "BaselineName": baseline.name,
        "OperatingSystem": baseline.operating_system,
        "DefaultBaseline": is_default,
    }
    if baseline.description is not None:
        shown["BaselineDescription"] = baseline.description
    return shown
