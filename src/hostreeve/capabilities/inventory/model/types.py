"""The types of inventory: AWS's own with their attributes, and the rules for custom ones."""

import re
from collections.abc import Iterable

from msgspec import Struct

CUSTOM = "Custom:"
CUSTOM_TYPES_MAX = 20
"""Of an account in a Region (node-management.md §5.2)."""
ATTRIBUTES_MAX = 50

INSTANCE_INFORMATION = "AWS:InstanceInformation"
COMPLIANCE_ITEM = "AWS:ComplianceItem"
COMPLIANCE_SUMMARY = "AWS:ComplianceSummary"
PATCH_SUMMARY = "AWS:PatchSummary"
TAG = "AWS:Tag"
RESOURCE_GROUP = "AWS:ResourceGroup"

_CUSTOM_NAME = re.compile(r"Custom:[A-Z][A-Za-z0-9_:\-]*")
_MOMENT = re.compile(r"(Time|Date)$")


class Type(Struct, frozen=True, kw_only=True):
    """A type of inventory. `numbers` are those of its attributes whose texts are numbers, `counted` those
    that can be aggregated, `identity` those that tell which entry is meant when its others change.

    `is_ours`: the server knows the content itself, and nobody puts it.
    """

    name: str
    version: str
    attributes: tuple[str, ...]
    numbers: frozenset[str] = frozenset()
    counted: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    is_ours: bool = False

    @property
    def display_name(self) -> str:
        return self.name.partition(":")[2]


def _type(
    name: str,
    attributes: str,
    version: str = "1.0",
    *,
    numbers: str = "",
    counted: str = "",
    identity: str = "",
    is_ours: bool = False,
) -> Type:
    return Type(
        name=f"AWS:{name}",
        version=version,
        attributes=tuple(attributes.split()),
        numbers=frozenset(numbers.split()),
        counted=tuple(counted.split()),
        identity=tuple(identity.split()),
        is_ours=is_ours,
    )


_COUNTS = ["CriticalCount", "HighCount", "MediumCount", "LowCount", "InformationalCount", "UnspecifiedCount"]
_COMPLIANCE_COUNTS = " ".join(
    f"{which}{count}" for which in ("Compliant", "NonCompliant") for count in _COUNTS
)
_PATCH_COUNTS = """InstalledCount InstalledOtherCount InstalledRejectedCount InstalledPendingRebootCount
    MissingCount FailedCount NotApplicableCount CriticalNonCompliantCount SecurityNonCompliantCount
    OtherNonCompliantCount"""

AWS_TYPES = {
    each.name: each
    for each in (
        _type(
            "AWSComponent",
            "Name ApplicationType Publisher Version InstalledTime Architecture URL",
            counted="Name Version",
            identity="Name Architecture",
        ),
        _type(
            "Application",
            """Name ApplicationType Publisher Version InstalledTime Architecture URL Summary PackageId Release
               Epoch""",
            "1.1",
            counted="Name Version Publisher ApplicationType Architecture",
            identity="Name Architecture",
        ),
        _type("BillingInfo", "BillingProductId", counted="BillingProductId"),
        _type(
            "ComplianceItem",
            """ComplianceType ExecutionId ExecutionType ExecutionTime Id Title Status Severity DocumentName
               DocumentVersion Classification PatchBaselineId PatchSeverity PatchState PatchGroup
               InstalledTime""",
            identity="ComplianceType Id",
        ),
        _type(
            "ComplianceSummary",
            f"""ComplianceType PatchGroup PatchBaselineId Status OverallSeverity ExecutionId ExecutionType
                ExecutionTime {_COMPLIANCE_COUNTS}""",
            numbers=_COMPLIANCE_COUNTS,
            counted="ComplianceType Status OverallSeverity",
            is_ours=True,
        ),
        _type(
            "File",
            """Name Size Description FileVersion InstalledDate ModificationTime LastAccessTime ProductName
               InstalledDir ProductLanguage CompanyName ProductVersion""",
            counted="Name InstalledDir",
            identity="InstalledDir Name",
        ),
        _type(
            "InstanceDetailedInformation",
            """CPUModel CPUCores CPUs CPUSpeedMHz CPUSockets CPUHyperThreadEnabled OSServicePack
               KernelVersion""",
            numbers="CPUCores CPUs CPUSpeedMHz CPUSockets",
            counted="CPUModel CPUCores CPUs CPUSockets KernelVersion OSServicePack",
        ),
        _type(
            "InstanceInformation",
            """AgentStatus AgentType AgentVersion ComputerName IamRole InstanceId InstanceStatus IpAddress
               PlatformName PlatformType PlatformVersion ResourceType""",
            counted="""AgentType AgentVersion InstanceStatus PlatformName PlatformType PlatformVersion
               ResourceType""",
            is_ours=True,
        ),
        _type(
            "Network",
            "Name SubnetMask Gateway DHCPServer DNSServer MacAddress IPV4 IPV6",
            counted="Name Gateway DNSServer",
            identity="Name",
        ),
        _type(
            "PatchCompliance",
            "Title KBId Classification Severity State InstalledTime",
            identity="KBId Title",
        ),
        _type(
            "PatchSummary",
            f"""PatchGroup BaselineId SnapshotId OwnerInformation {_PATCH_COUNTS} OperationType
                OperationStartTime OperationEndTime InstallOverrideList RebootOption
                LastNoRebootInstallOperationTime ExecutionId NonCompliantSeverity""",
            numbers=_PATCH_COUNTS,
            counted="BaselineId PatchGroup OperationType",
        ),
        _type(
            "Process",
            """StartTime CommandLine User FileName FileVersion FileDescription FileSize CompanyName
               ProductName ProductVersion InstalledDate InstalledDir UsageId""",
            identity="FileName InstalledDir",
        ),
        _type("ResourceGroup", "Name Arn", counted="Name Arn", is_ours=True),
        _type(
            "Service",
            "Name DisplayName ServiceType Status DependentServices ServicesDependedOn StartType",
            counted="Name DisplayName ServiceType Status StartType",
            identity="Name",
        ),
        _type("Tag", "Key Value", counted="Key Value", is_ours=True),
        _type("WindowsRegistry", "KeyPath ValueName ValueType Value", identity="KeyPath ValueName"),
        _type(
            "WindowsRole",
            """Name DisplayName Path FeatureType DependsOn Description Installed InstalledState SubFeatures
               ServerComponentDescriptor Parent""",
            counted="Name DisplayName FeatureType Installed",
            identity="Name",
        ),
        _type(
            "WindowsUpdate",
            "HotFixId Description InstalledTime InstalledBy",
            counted="HotFixId Description",
            identity="HotFixId",
        ),
    )
}
"""AWS's types by name, in AWS's order (node-management.md §5.2)."""


def is_custom(name: str) -> bool:
    """Whether this is a good name of a custom type: `Custom:` and a capital letter."""
    return _CUSTOM_NAME.fullmatch(name) is not None


def is_moment(attribute: str) -> bool:
    """Whether an attribute is a time, which every node has its own of."""
    return _MOMENT.search(attribute) is not None


def version_of(text: str) -> tuple[int, int]:
    """`"1.10"` as (1, 10), so that versions can be compared."""
    major, _, minor = text.partition(".")
    return int(major), int(minor)


def identity_of(type_name: str, attributes: Iterable[str]) -> tuple[str, ...]:
    """The attributes that tell which entry is meant: of custom types `Name` or `Id`, if there is one."""
    known = AWS_TYPES.get(type_name)
    if known is not None:
        return known.identity
    return next(((each,) for each in ("Name", "Id", "name", "id") if each in set(attributes)), ())
