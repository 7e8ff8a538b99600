"""The baselines that AWS owns and every account has: a default for every operating system, more for Windows.

Source: "About predefined and custom patch baselines". Their ids are made from their names: AWS's are other
ones in each Region, and ours are the same everywhere.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from hostreeve.capabilities.patches.model.baseline import UNSPECIFIED, Baseline
from hostreeve.capabilities.patches.model.systems import ALPINE, APT, CLOSED

_CREATED_MS = 1_764_374_400_000
_DAYS = 7
_SERIOUS = ("Critical", "Important")


def _filters(**filters: Sequence[str]) -> list[dict[str, Any]]:
    return [{"Key": key, "Values": list(values)} for key, values in filters.items()]


def _rule(days: int = _DAYS, *, non_security: bool = False, **filters: Sequence[str]) -> dict[str, Any]:
    return {
        "PatchFilterGroup": {"PatchFilters": _filters(**filters)},
        "ComplianceLevel": UNSPECIFIED,
        "ApproveAfterDays": days,
        "EnableNonSecurity": non_security,
    }


def _security_and_bugfix(*severities: str) -> list[dict[str, Any]]:
    return [
        _rule(PRODUCT=["*"], CLASSIFICATION=["Security"], SEVERITY=severities),
        _rule(PRODUCT=["*"], CLASSIFICATION=["Bugfix"]),
    ]


_WINDOWS_OS = _rule(
    PATCH_SET=["OS"],
    PRODUCT=["*"],
    CLASSIFICATION=["CriticalUpdates", "SecurityUpdates"],
    MSRC_SEVERITY=_SERIOUS,
)
_WINDOWS_APPLICATIONS = _rule(PATCH_SET=["APPLICATION"], PRODUCT_FAMILY=["*"], PRODUCT=["*"])
_EVERY_PRIORITY = [_rule(0, PRODUCT=["*"], PRIORITY=CLOSED["PRIORITY"])]

_RULES: Mapping[str, tuple[str, list[dict[str, Any]]]] = {
    "AWS-AmazonLinuxDefaultPatchBaseline": ("AMAZON_LINUX", _security_and_bugfix(*_SERIOUS)),
    "AWS-AmazonLinux2DefaultPatchBaseline": ("AMAZON_LINUX_2", _security_and_bugfix(*_SERIOUS)),
    "AWS-AmazonLinux2022DefaultPatchBaseline": ("AMAZON_LINUX_2022", _security_and_bugfix(*_SERIOUS)),
    "AWS-AmazonLinux2023DefaultPatchBaseline": ("AMAZON_LINUX_2023", _security_and_bugfix(*_SERIOUS)),
    "AWS-RedHatDefaultPatchBaseline": ("REDHAT_ENTERPRISE_LINUX", _security_and_bugfix(*_SERIOUS)),
    "AWS-RockyLinuxDefaultPatchBaseline": ("ROCKY_LINUX", _security_and_bugfix(*_SERIOUS)),
    "AWS-AlmaLinuxDefaultPatchBaseline": ("ALMA_LINUX", _security_and_bugfix(*_SERIOUS)),
    "AWS-OracleLinuxDefaultPatchBaseline": ("ORACLE_LINUX", _security_and_bugfix("Important", "Moderate")),
    "AWS-CentOSDefaultPatchBaseline": (
        "CENTOS",
        [_rule(non_security=True, PRODUCT=["*"], CLASSIFICATION=["*"], SEVERITY=["*"])],
    ),
    "AWS-SuseDefaultPatchBaseline": (
        "SUSE",
        [_rule(PRODUCT=["*"], CLASSIFICATION=["Security"], SEVERITY=_SERIOUS)],
    ),
    "AWS-UbuntuDefaultPatchBaseline": ("UBUNTU", _EVERY_PRIORITY),
    "AWS-DebianDefaultPatchBaseline": ("DEBIAN", _EVERY_PRIORITY),
    "AWS-DefaultRaspbianPatchBaseline": ("RASPBIAN", _EVERY_PRIORITY),
    "AWS-MacOSDefaultPatchBaseline": ("MACOS", [_rule(0, PRODUCT=["*"], CLASSIFICATION=["*"])]),
    "AWS-DefaultPatchBaseline": ("WINDOWS", [_WINDOWS_OS]),
    "AWS-WindowsPredefinedPatchBaseline-OS": ("WINDOWS", [_WINDOWS_OS]),
    "AWS-WindowsPredefinedPatchBaseline-OS-Applications": ("WINDOWS", [_WINDOWS_OS, _WINDOWS_APPLICATIONS]),
    # AWS has none: ours, for hosts with apk.
    "AWS-AlpineLinuxDefaultPatchBaseline": (
        ALPINE,
        [_rule(0, non_security=True, PRODUCT=["*"], REPOSITORY=["*"])],
    ),
}
_MORE = frozenset(
    {"AWS-WindowsPredefinedPatchBaseline-OS", "AWS-WindowsPredefinedPatchBaseline-OS-Applications"}
)


@cache
def every() -> Mapping[str, Baseline]:
    """All of them, by id."""
    made = (_made(name, *of) for name, of in _RULES.items())
    return {baseline.baseline_id: baseline for baseline in made}


@cache
def default_for(operating_system: str) -> Baseline:
    """The one that counts where an account has registered none."""
    return next(
        baseline
        for baseline in every().values()
        if baseline.operating_system == operating_system and baseline.name not in _MORE
    )


def _made(name: str, operating_system: str, rules: list[dict[str, Any]]) -> Baseline:
    wait = "immediately" if operating_system in APT else "after seven days"
    return Baseline(
        baseline_id="pb-" + hashlib.sha256(name.encode()).hexdigest()[:17],
        name=name,
        operating_system=operating_system,
        created_ms=_CREATED_MS,
        modified_ms=_CREATED_MS,
        description=f"Predefined patch baseline for {operating_system}: what is serious, approved {wait}.",
        rules=rules,
        is_aws=True,
    )
