"""Associations, their executions and how they stand on a node, as values; how AWS callers see them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hostreeve.kernel.scope import Scope

ASSOCIATIONS_MAX = 2_000
VERSIONS_MAX = 1_000
EXECUTIONS_KEPT_MS = 30 * 86_400_000
MAX_CONCURRENCY, MAX_ERRORS = "50", "100%"
"""What rate control is when the association says nothing of it (node-management.md §3.12)."""

WANTED = (
    "Name",
    "DocumentVersion",
    "InstanceId",
    "Parameters",
    "Targets",
    "ScheduleExpression",
    "ScheduleOffset",
    "OutputLocation",
    "AssociationName",
    "AutomationTargetParameterName",
    "MaxErrors",
    "MaxConcurrency",
    "ComplianceSeverity",
    "SyncCompliance",
    "ApplyOnlyAtCronInterval",
    "CalendarNames",
    "TargetLocations",
    "TargetMaps",
    "Duration",
)
"""The members that a version is: they are kept as they came, and shown so."""
_LISTED = ("Name", "InstanceId", "DocumentVersion", "Targets", "ScheduleExpression", "AssociationName")
_LISTED_TOO = ("ScheduleOffset", "TargetMaps", "Duration")
_SCHEDULE = ("ScheduleExpression", "ScheduleOffset")
_RUNS_AGAIN = ("Name", "DocumentVersion", "Parameters", "ScheduleExpression", "OutputLocation", "Targets")


class Association(Struct, frozen=True, kw_only=True):
    """An association with its newest version's wishes (`wanted`: members of WANTED) and where it stands.

    Times are milliseconds, 0 for never. `counts` are nodes by status; `said` is the legacy status that a node
    reported, {} for none. `follows` are what changes apply it again: `document:<name>`, `parameter:<name>`.
    `anchor_ms` is when its schedule was made or last changed: rates and offsets count from it. `due_ms` was
    reckoned at `reckoned_ms`; one that is not later is no time of the schedule, but somebody's wish.
    """

    account: str
    region: str
    association_id: str
    version: int
    wanted: dict[str, Any]
    created_ms: int
    updated_ms: int
    status: str
    detailed_status: str
    counts: dict[str, int] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    last_execution_ms: int = 0
    last_success_ms: int = 0
    follows: list[str] = field(default_factory=list)
    anchor_ms: int = 0
    reckoned_ms: int = 0
    due_ms: int | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def name(self) -> str:
        return str(self.wanted["Name"])

    @property
    def targets(self) -> list[dict[str, Any]]:
        """Whom it is for, an old-fashioned InstanceId included."""
        if "InstanceId" in self.wanted:
            return [{"Key": "InstanceIds", "Values": [self.wanted["InstanceId"]]}]
        return [{"Values": [], **target} for target in self.wanted.get("Targets", [])]

    @property
    def takes_newcomers(self) -> bool:
        """Whether a node that comes later is a reason to apply it. For automations it is none."""
        is_automation = "AutomationTargetParameterName" in self.wanted
        return bool(self.targets) and not self.waits_for_schedule and not is_automation

    @property
    def waits_for_schedule(self) -> bool:
        """Whether it is applied on its schedule only."""
        return bool(self.wanted.get("ApplyOnlyAtCronInterval")) and "ScheduleExpression" in self.wanted


class Version(Struct, frozen=True, kw_only=True):
    """One version of an association."""

    association_id: str
    version: int
    wanted: dict[str, Any]
    created_ms: int


class Execution(Struct, frozen=True, kw_only=True):
    """One time that an association was applied. `command_id` is "" when nothing was sent.

    `noted_to` is the node up to which results were taken over after its end."""

    account: str
    region: str
    association_id: str
    execution_id: str
    version: int
    command_id: str
    created_ms: int
    changed_ms: int
    status: str
    detailed_status: str
    counts: dict[str, int]
    noted_to: str = ""
    due_ms: int | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


class NodeState(Struct, frozen=True, kw_only=True):
    """How an association stands on a node."""

    association_id: str
    node_id: str
    version: int
    execution_id: str
    status: str
    detailed_status: str
    executed_ms: int
    error_code: str = ""
    summary: str = ""
    output_url: str = ""


def runs_again(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an edit means that the association is applied anew (node-management.md §3.5)."""
    return any(before.get(member) != after.get(member) for member in _RUNS_AGAIN)


def is_rescheduled(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an edit begins the schedule anew."""
    return any(before.get(member) != after.get(member) for member in _SCHEDULE)


def described(one: Association) -> dict[str, Any]:
    """AssociationDescription of the newest version."""
    answer = one.wanted | {
        "AssociationId": one.association_id,
        "AssociationVersion": str(one.version),
        "Date": one.created_ms / 1000,
        "LastUpdateAssociationDate": one.updated_ms / 1000,
        "Overview": overview(one),
        "ApplyOnlyAtCronInterval": one.wanted.get("ApplyOnlyAtCronInterval", False),
    }
    if one.said:
        answer["Status"] = one.said
    if one.last_execution_ms:
        answer["LastExecutionDate"] = one.last_execution_ms / 1000
    if one.last_success_ms:
        answer["LastSuccessfulExecutionDate"] = one.last_success_ms / 1000
    return answer


def described_version(one: Association, version: Version) -> dict[str, Any]:
    """AssociationDescription of an older version: its wishes, and the association's standing."""
    current = {member: value for member, value in described(one).items() if member not in WANTED}
    wanted = {"ApplyOnlyAtCronInterval": False} | version.wanted
    return current | wanted | {"AssociationVersion": str(version.version)}


def listed(one: Association) -> dict[str, Any]:
    """Association, as ListAssociations shows it."""
    answer = {member: one.wanted[member] for member in _LISTED + _LISTED_TOO if member in one.wanted}
    answer |= {
        "AssociationId": one.association_id,
        "AssociationVersion": str(one.version),
        "Overview": overview(one),
    }
    return answer | ({"LastExecutionDate": one.last_execution_ms / 1000} if one.last_execution_ms else {})


def overview(one: Association) -> dict[str, Any]:
    answer: dict[str, Any] = {"Status": one.status, "DetailedStatus": one.detailed_status}
    return answer | ({"AssociationStatusAggregatedCount": one.counts} if one.counts else {})


def listed_version(one: Version) -> dict[str, Any]:
    """AssociationVersionInfo."""
    wanted = {
        m: value
        for m, value in one.wanted.items()
        if m not in ("InstanceId", "AutomationTargetParameterName")
    }
    return wanted | {
        "AssociationId": one.association_id,
        "AssociationVersion": str(one.version),
        "CreatedDate": one.created_ms / 1000,
        "ApplyOnlyAtCronInterval": one.wanted.get("ApplyOnlyAtCronInterval", False),
    }


def listed_execution(one: Execution) -> dict[str, Any]:
    """AssociationExecution. ResourceCountByStatus is a text: `{Failed=1, Success=2}`."""
    counts = ", ".join(f"{status}={one.counts[status]}" for status in sorted(one.counts))
    return {
        "AssociationId": one.association_id,
        "AssociationVersion": str(one.version),
        "ExecutionId": one.execution_id,
        "Status": one.status,
        "DetailedStatus": one.detailed_status,
        "CreatedTime": one.created_ms / 1000,
        "LastExecutionDate": one.created_ms / 1000,
        "ResourceCountByStatus": f"{{{counts}}}",
    }
