"""What repositories have for nodes: versions, as nodes report them and as AWS callers see them."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from hostreeve.capabilities.patches.model import systems
from hostreeve.patcher.model import APK, APT, RPM, ZYPP, Patch

DAY_MS = 86_400_000

FAMILIES: Mapping[str, str] = {
    **dict.fromkeys(systems.APT, APT),
    **dict.fromkeys(systems.RPM, RPM),
    **dict.fromkeys(systems.ZYPPER, ZYPP),
    systems.ALPINE: APK,
}
"""The package manager of each operating system that has a payload."""

_PRODUCT_FAMILIES = {
    "AMAZON_LINUX": "Amazon Linux",
    "AMAZON_LINUX_2": "Amazon Linux 2",
    "AMAZON_LINUX_2022": "Amazon Linux 2022",
    "AMAZON_LINUX_2023": "Amazon Linux 2023",
    "REDHAT_ENTERPRISE_LINUX": "Red Hat Enterprise Linux",
    "ROCKY_LINUX": "Rocky Linux",
    "ALMA_LINUX": "AlmaLinux",
    "ORACLE_LINUX": "Oracle Linux",
    "CENTOS": "CentOS",
    "SUSE": "SUSE",
    "UBUNTU": "Ubuntu",
    "DEBIAN": "Debian",
    "RASPBIAN": "Raspbian",
    systems.ALPINE: "Alpine Linux",
}


class Version(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a package. `released_ms` None: nobody says. `is_security`: it is a security update."""

    name: str
    arch: str = ""
    epoch: str = ""
    version: str = ""
    release: str = ""
    title: str = ""
    repository: str = ""
    is_security: bool = False
    classification: str = ""
    severity: str = ""
    priority: str = ""
    section: str = ""
    released_ms: int | None = None
    advisories: list[str] = []
    bugs: list[str] = []
    cves: list[str] = []

    @property
    def key(self) -> str:
        """Names it among all of its product's."""
        said = f"{self.title}\n{self.repository}".encode()
        return f"{self.name[:100]}.{self.arch[:20]}:{hashlib.blake2s(said, digest_size=12).hexdigest()}"

    @property
    def full_version(self) -> str:
        """As the package manager writes it."""
        rest = f"{self.version}-{self.release}" if self.release else self.version
        return f"{self.epoch}:{rest}" if self.epoch else rest

    def patch(self) -> Patch:
        """As the payload's own rules judge it."""
        return Patch(
            name=self.name,
            arch=self.arch,
            version=self.full_version,
            classification=self.classification,
            severity=self.severity,
            priority=self.priority,
            section=self.section,
            is_security=self.is_security,
            has_notice=self.is_security or bool(self.advisories),
            released_ms=self.released_ms,
            advisories=tuple(self.advisories),
            bugs=tuple(self.bugs),
            cves=tuple(self.cves),
            repository=self.repository,
        )


class Offer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version that a node could have in the place of `installed`; what the node itself decided about it."""

    version: Version
    installed: str = ""
    decision: str = ""
    reason: str = ""
    wants_reboot: bool = False


def read(given: Mapping[str, Any]) -> Offer:
    """A member of ReportPatches' Patches. ValueError when its date is none."""
    version = Version(
        name=given["Name"],
        arch=given.get("Arch", ""),
        epoch=given.get("Epoch", ""),
        version=given.get("Version", ""),
        release=given.get("Release", ""),
        title=given.get("Title", ""),
        repository=given.get("Repository", ""),
        is_security=given.get("IsSecurity", False),
        classification=given.get("Classification", ""),
        severity=given.get("Severity", ""),
        priority=given.get("Priority", ""),
        section=given.get("Section", ""),
        released_ms=_moment(given.get("ReleaseDate", "")),
        advisories=list(given.get("AdvisoryIds", [])),
        bugs=list(given.get("BugzillaIds", [])),
        cves=list(given.get("CVEIds", [])),
    )
    return Offer(
        version=version,
        installed=given.get("InstalledVersion", ""),
        decision=given.get("Decision", ""),
        reason=given.get("Reason", ""),
        wants_reboot=given.get("RebootRequired", False),
    )


def _moment(text: str) -> int | None:
    if not text:
        return None
    try:
        return round(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(f"ReleaseDate is {text[:40]!r}, and no time such as 2026-11-29T00:00:00Z") from None


def digest_of(operating_system: str, product: str, versions: Iterable[Version]) -> str:
    """The same for the same set of versions, whoever reports it."""
    keys = sorted({version.key for version in versions})
    said = "\n".join([operating_system, product, *keys]).encode()
    return hashlib.blake2s(said, digest_size=16).hexdigest()


def described(version: Version, operating_system: str, product: str) -> dict[str, Any]:
    """The members of Patch."""
    shown: dict[str, Any] = {
        "Name": version.name,
        "Title": version.title,
        "Product": product,
        "ProductFamily": _PRODUCT_FAMILIES.get(operating_system, operating_system),
        "Epoch": int(version.epoch) if version.epoch.isascii() and version.epoch.isdecimal() else 0,
        "AdvisoryIds": version.advisories,
        "BugzillaIds": version.bugs,
        "CVEIds": version.cves,
    }
    told = {
        "Version": version.version,
        "Release": version.release,
        "Arch": version.arch,
        "Repository": version.repository,
        "Classification": version.classification,
        "Severity": version.severity,
    }
    shown |= {member: value for member, value in told.items() if value}
    if version.released_ms is not None:
        shown["ReleaseDate"] = version.released_ms / 1000
    return shown
