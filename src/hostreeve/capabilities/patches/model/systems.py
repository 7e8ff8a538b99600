"""The operating systems that baselines are for: their filters, their products, and which one a node has."""

import re
from collections.abc import Mapping
from typing import NamedTuple

WINDOWS, MACOS, ALPINE = "WINDOWS", "MACOS", "ALPINE_LINUX"
APT = frozenset({"UBUNTU", "DEBIAN", "RASPBIAN"})
RPM = frozenset(
    {
        "AMAZON_LINUX",
        "AMAZON_LINUX_2",
        "AMAZON_LINUX_2022",
        "AMAZON_LINUX_2023",
        "REDHAT_ENTERPRISE_LINUX",
        "ROCKY_LINUX",
        "ALMA_LINUX",
        "ORACLE_LINUX",
        "CENTOS",
    }
)
ZYPPER = frozenset({"SUSE"})
LINUX = APT | RPM | ZYPPER | {ALPINE}
EVERY = (*sorted(LINUX), MACOS, WINDOWS)
DEFAULT = WINDOWS

FILTERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(APT, ("PRODUCT", "PRIORITY", "SECTION")),
    **dict.fromkeys(RPM | ZYPPER, ("PRODUCT", "CLASSIFICATION", "SEVERITY")),
    ALPINE: ("PRODUCT", "REPOSITORY"),
    MACOS: ("PRODUCT", "CLASSIFICATION"),
    WINDOWS: ("PATCH_SET", "PRODUCT", "PRODUCT_FAMILY", "CLASSIFICATION", "MSRC_SEVERITY"),
}
"""The keys of filters that a baseline for each may have."""

ANY = "*"
CLOSED: Mapping[str, tuple[str, ...]] = {
    "PATCH_SET": ("OS", "APPLICATION"),
    "PRIORITY": ("Required", "Important", "Standard", "Optional", "Extra"),
    "MSRC_SEVERITY": ("Critical", "Important", "Moderate", "Low", "Unspecified"),
}
"""Filters of which all values are known: another one could never meet a patch."""


_LINUX_CLASSES = ("Security", "Bugfix", "Enhancement", "Recommended", "Newpackage")
_LINUX_SEVERITIES = ("Critical", "Important", "Medium", "Moderate", "Low", "None")
KNOWN: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{(system, "PRIORITY"): CLOSED["PRIORITY"] for system in APT},
    **{(system, "CLASSIFICATION"): _LINUX_CLASSES for system in RPM | ZYPPER},
    **{(system, "SEVERITY"): _LINUX_SEVERITIES for system in RPM | ZYPPER},
    (WINDOWS, "PRODUCT"): tuple(
        f"WindowsServer{year}"
        for year in ("2008", "2008R2", "2012", "2012R2", "2016", "2019", "2022", "2025")
    ),
    (WINDOWS, "PRODUCT_FAMILY"): ("Windows",),
    (WINDOWS, "MSRC_SEVERITY"): CLOSED["MSRC_SEVERITY"],
    (WINDOWS, "CLASSIFICATION"): (
        "CriticalUpdates",
        "DefinitionUpdates",
        "Drivers",
        "FeaturePacks",
        "SecurityUpdates",
        "ServicePacks",
        "Tools",
        "UpdateRollups",
        "Updates",
        "Upgrades",
    ),
}
"""Values that properties of patches have, by operating system and property, whoever reports them."""

PROPERTIES: Mapping[str, tuple[str, ...]] = {
    **{system: tuple(key for key in keys if key != "SECTION") for system, keys in FILTERS.items()},
    ALPINE: ("PRODUCT",),
    WINDOWS: ("PRODUCT", "PRODUCT_FAMILY", "CLASSIFICATION", "MSRC_SEVERITY"),
}
"""The properties that DescribePatchProperties has of each operating system."""


class System(NamedTuple):
    """What a node runs: a baseline's operating system, and the product in AWS's spelling."""

    operating_system: str
    product: str


_WINDOWS_BUILDS = {
    "6.0": "2008",
    "6.1": "2008R2",
    "6.2": "2012",
    "6.3": "2012R2",
    "10.0.14393": "2016",
    "10.0.17763": "2019",
    "10.0.20348": "2022",
    "10.0.26100": "2025",
}
# Names as /etc/os-release has them (NAME), and as the official agent reports them. The first counts.
_NAMES = (
    ("ubuntu", "UBUNTU", "Ubuntu"),
    ("raspbian", "RASPBIAN", "Raspbian"),
    ("debian", "DEBIAN", "Debian"),
    ("red hat", "REDHAT_ENTERPRISE_LINUX", "RedhatEnterpriseLinux"),
    ("rocky", "ROCKY_LINUX", "RockyLinux"),
    ("alma", "ALMA_LINUX", "AlmaLinux"),
    ("oracle", "ORACLE_LINUX", "OracleLinux"),
    ("centos", "CENTOS", "CentOS"),
    ("fedora", "CENTOS", "Fedora"),
    ("opensuse", "SUSE", "OpenSuse"),
    ("sles", "SUSE", "Suse"),
    ("suse", "SUSE", "Suse"),
    ("alpine", ALPINE, "Alpine"),
    ("macos", MACOS, "MacOS"),
    ("mac os", MACOS, "MacOS"),
)
_MAJOR_ONLY = frozenset({"DEBIAN", "RASPBIAN"})
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")


def system_of(platform_name: str, platform_version: str) -> System | None:
    """What a node runs by the name and version that its agent reports; None where nobody knows."""
    name, found = platform_name.lower(), _VERSION.search(platform_version)
    version = found[0] if found else ""
    if "windows" in name:
        return System(WINDOWS, f"WindowsServer{_windows(platform_name, version)}")
    if "amazon linux" in name:
        return _amazon(version)
    for part, operating_system, product in _NAMES:
        if part in name:
            shown = version.partition(".")[0] if operating_system in _MAJOR_ONLY else version
            if operating_system == ALPINE:
                shown = ".".join(version.split(".")[:2])
            return System(operating_system, product + shown)
    return None


def _windows(platform_name: str, version: str) -> str:
    named = re.search(r"\b(20[0-9]{2})( R2)?\b", platform_name)
    if named:
        return named[1] + ("R2" if named[2] else "")
    return next((year for build, year in _WINDOWS_BUILDS.items() if version.startswith(build)), version)


def _amazon(version: str) -> System:
    if version == "2":
        return System("AMAZON_LINUX_2", "AmazonLinux2.0")
    for year in ("2022", "2023"):
        if version.startswith(year):
            return System(f"AMAZON_LINUX_{year}", f"AmazonLinux{year}")
    return System("AMAZON_LINUX", f"AmazonLinux{version}")
