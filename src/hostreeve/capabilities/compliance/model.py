"""Compliance as values: items, what ran when they were found, how a node stands; how AWS callers see them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

ASSOCIATION, PATCH = "Association", "Patch"
COMPLIANT, NON_COMPLIANT = "COMPLIANT", "NON_COMPLIANT"
RESOURCE_TYPE = "ManagedInstance"
SEVERITIES = ("UNSPECIFIED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
"""From the lowest to the highest, AWS's words."""

OTHER_TYPES_MAX = 10
"""Types of a node beside Association and Patch (node-management.md §6)."""
ITEM_BYTES_MAX = 64 * 1024
ITEMS_BYTES_MAX = 8 * 1024 * 1024
"""AWS refuses larger ones too, at sizes that it does not publish; these are ours."""

ASSOCIATION_ID = "AssociationId"
FACETS = ("AssociationId", "DocumentName", "DocumentVersion", "PatchBaselineId", "PatchGroup")
"""Details that nodes can be chosen by in summaries."""
FACET_VALUES_MAX = 20
DETAILS = (
    *FACETS,
    "CVEIds",
    "Classification",
    "InstalledTime",
    "PatchSeverity",
    "PatchState",
)
"""Details that AWS names, by which the items of a node can be filtered."""
_WORST = 10


class Item(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `status` is COMPLIANT, NON_COMPLIANT, or "" for what does not apply to
    the node (Windows patches); `details` are texts by name."""

    id: str = ""
    title: str = ""
    severity: str = "UNSPECIFIED"
    status: str = COMPLIANT
    details: dict[str, str] = field(default_factory=dict)


class Execution(Struct, frozen=True, kw_only=True):
    """What found the items: its id and type ("Command"), both "" when not told, and its time in ms."""

    at_ms: int
    id: str = ""
    type: str = ""

    def described(self) -> dict[str, Any]:
        """ComplianceExecutionSummary."""
        named = {"ExecutionId": self.id, "ExecutionType": self.type}
        return {"ExecutionTime": self.at_ms / 1000} | {name: text for name, text in named.items() if text}


class Part(Struct, frozen=True, kw_only=True):
    """What is known of items that are put together: how they stand, not what they are.

    `counts` are items by severity (SEVERITIES' order): the compliant ones, those that are not. `facets` are
    the values of FACETS that the items name.
    """

    node_id: str
    compliance_type: str
    part: str
    standing: int
    counts: tuple[list[int], list[int]]
    execution_id: str
    execution_type: str
    execution_ms: int
    content_hash: str
    facets: dict[str, list[str]]

    @property
    def execution(self) -> Execution:
        return Execution(at_ms=self.execution_ms, id=self.execution_id, type=self.execution_type)


def counted(items: Iterable[Item]) -> tuple[list[int], list[int]]:
    """Items by severity: the compliant ones, those that are not."""
    compliant, not_compliant = [0] * len(SEVERITIES), [0] * len(SEVERITIES)
    for item in items:
        if item.status:
            (compliant if item.status == COMPLIANT else not_compliant)[SEVERITIES.index(item.severity)] += 1
    return compliant, not_compliant


def standing_of(counts: tuple[list[int], list[int]]) -> int:
    """Larger the worse it is: any item that is not compliant counts more than all that are."""
    compliant, not_compliant = (max((i for i, n in enumerate(each) if n), default=None) for each in counts)
    return _WORST + not_compliant if not_compliant is not None else compliant or 0


def status_of(standing: int) -> str:
    return NON_COMPLIANT if standing >= _WORST else COMPLIANT


def severity_of(standing: int) -> str:
    return SEVERITIES[standing % _WORST]


def standings(status: str | None = None, severities: Iterable[str] = SEVERITIES) -> list[int]:
    """All standings with this status (None: either) and one of these severities."""
    ranks = [SEVERITIES.index(each) for each in severities if each in SEVERITIES]
    worst = {None: (0, _WORST), COMPLIANT: (0,), NON_COMPLIANT: (_WORST,)}.get(status, ())
    return [base + rank for base in worst for rank in ranks]


def facets_of(items: Iterable[Item]) -> dict[str, list[str]]:
    """The different values of FACETS, at most FACET_VALUES_MAX of each."""
    named = [item.details for item in items]
    values = {name: {each[name] for each in named if name in each} for name in FACETS}
    return {name: sorted(found)[:FACET_VALUES_MAX] for name, found in values.items() if found}


def part_of(
    node_id: str,
    compliance_type: str,
    part: str,
    items: Sequence[Item],
    *,
    execution: Execution,
    content_hash: str,
) -> Part:
    """What is known of these items together."""
    counts = counted(items)
    return Part(
        node_id=node_id,
        compliance_type=compliance_type,
        part=part,
        standing=standing_of(counts),
        counts=counts,
        execution_id=execution.id,
        execution_type=execution.type,
        execution_ms=execution.at_ms,
        content_hash=content_hash,
        facets=facets_of(items),
    )


def described_item(part: Part, item: Item) -> dict[str, Any]:
    """ComplianceItem."""
    return {
        "ComplianceType": part.compliance_type,
        "ResourceType": RESOURCE_TYPE,
        "ResourceId": part.node_id,
        "Id": item.id,
        "Title": item.title,
        "Status": item.status,
        "Severity": item.severity,
        "ExecutionSummary": part.execution.described(),
        "Details": item.details,
    }


def severity_summary(counts: Sequence[int]) -> dict[str, int]:
    """SeveritySummary of counts in SEVERITIES' order."""
    return {f"{name.capitalize()}Count": counts[SEVERITIES.index(name)] for name in reversed(SEVERITIES)}


def both_summaries(counts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """CompliantSummary and NonCompliantSummary."""
    compliant, not_compliant = counts
    return {
        "CompliantSummary": {
            "CompliantCount": sum(compliant),
            "SeveritySummary": severity_summary(compliant),
        },
        "NonCompliantSummary": {
            "NonCompliantCount": sum(not_compliant),
            "SeveritySummary": severity_summary(not_compliant),
        },
    }


def described_resource(parts: Sequence[Part]) -> dict[str, Any]:
    """ResourceComplianceSummaryItem of all parts of a node's type."""
    worst = max(part.standing for part in parts)
    last = max(parts, key=lambda part: part.execution_ms)
    sums = [[sum(column) for column in zip(*(p.counts[i] for p in parts), strict=True)] for i in (0, 1)]
    return {
        "ComplianceType": last.compliance_type,
        "ResourceType": RESOURCE_TYPE,
        "ResourceId": last.node_id,
        "Status": status_of(worst),
        "OverallSeverity": severity_of(worst),
        "ExecutionSummary": last.execution.described(),
        **both_summaries(sums),
    }


def summary_row(parts: Sequence[Part]) -> dict[str, str]:
    """An entry of AWS:ComplianceSummary, of all parts of a node's type."""
    shown = described_resource(parts)
    last = max(parts, key=lambda part: part.execution_ms)
    row = {
        "ComplianceType": last.compliance_type,
        "Status": shown["Status"],
        "OverallSeverity": shown["OverallSeverity"],
        "ExecutionId": last.execution_id,
        "ExecutionType": last.execution_type,
        "ExecutionTime": zulu(last.execution_ms),
    }
    for which in ("Compliant", "NonCompliant"):
        counts = shown[f"{which}Summary"]["SeveritySummary"]
        row |= {f"{which}{name}": str(number) for name, number in counts.items()}
    for facet in ("PatchBaselineId", "PatchGroup"):
        if last.facets.get(facet):
            row[facet] = last.facets[facet][0]
    return row


def zulu(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
