"""What the payload speaks of: packages, the versions that repositories offer, baselines, verdicts.

Standard library and Python 3.6, as everything in this room: it runs on whatever the nodes have.
"""

from typing import Dict, List, NamedTuple, Optional, Tuple

APT, RPM, ZYPP, APK = "apt", "rpm", "zypp", "apk"
LEVELS = ("UNSPECIFIED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
"""Compliance levels, lowest first."""
BLOCK = "BLOCK"

APPROVED, PENDING, REJECTED, NOT_SELECTED = "APPROVED", "PENDING", "REJECTED", "NOT_SELECTED"
"""What became of a version that could be installed."""

INSTALLED = "Installed"
INSTALLED_OTHER = "InstalledOther"
INSTALLED_REJECTED = "InstalledRejected"
INSTALLED_PENDING_REBOOT = "InstalledPendingReboot"
MISSING = "Missing"
FAILED = "Failed"
NON_COMPLIANT = frozenset((INSTALLED_REJECTED, INSTALLED_PENDING_REBOOT, MISSING, FAILED))

Identity = Tuple[str, str]
"""Name and architecture: what is installed once on a host."""


class Patch(NamedTuple):
    """One version of one package, as repositories and advisories describe it.

    `version` is what the package manager calls the full version: `epoch:version-release` on RPM hosts, always
    with the epoch. `has_notice`: an advisory (or SUSE's patch) names this very version. `released_ms`: None
    when nobody says.
    """

    name: str
    arch: str
    version: str
    classification: str = ""
    severity: str = ""
    priority: str = ""
    section: str = ""
    is_security: bool = False
    has_notice: bool = False
    released_ms: Optional[int] = None
    advisories: Tuple[str, ...] = ()
    bugs: Tuple[str, ...] = ()
    cves: Tuple[str, ...] = ()
    repository: str = ""
    wants_reboot: bool = False

    @property
    def identity(self) -> Identity:
        return self.name, self.arch

    @property
    def id(self) -> str:
        """AWS's KBId of a Linux package."""
        return self.name + "." + self.arch if self.arch else self.name

    @property
    def title(self) -> str:
        return self.id + ":" + self.version


class Package(NamedTuple):
    """An installed package.

    `current` is what is known of the installed version; its `repository` is empty when no repository has it.
    `newer`: what could replace it, oldest first. `installed_ms`: 0 when the host does not know.
    `is_broken`: its installation was cut off, or failed halfway.
    """

    current: Patch
    newer: Tuple[Patch, ...] = ()
    installed_ms: int = 0
    is_held: bool = False
    is_broken: bool = False


class Host(NamedTuple):
    """`product` is AWS's word for the system and its version, as in `Ubuntu22.04`."""

    family: str
    product: str
    packages: Tuple[Package, ...]


class Rule(NamedTuple):
    """`filters`: by key, the values of which one must match. Days: of the UTC calendar, since the epoch."""

    filters: Tuple[Tuple[str, Tuple[str, ...]], ...]
    level: str = "UNSPECIFIED"
    after_days: Optional[int] = None
    until_day: Optional[int] = None
    with_non_security: bool = False


class Source(NamedTuple):
    """A repository of the baseline's own, in the package manager's own words."""

    name: str
    products: Tuple[str, ...]
    configuration: str


class Baseline(NamedTuple):
    """A patch baseline. `id` is empty for one that came with the command."""

    id: str
    name: str = ""
    global_filters: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()
    rules: Tuple[Rule, ...] = ()
    approved: Tuple[str, ...] = ()
    approved_level: str = "UNSPECIFIED"
    approved_with_non_security: bool = False
    rejected: Tuple[str, ...] = ()
    rejected_action: str = "ALLOW_AS_DEPENDENCY"
    sources: Tuple[Source, ...] = ()


class Snapshot(NamedTuple):
    """The baseline that governs the node, frozen for one or many nodes."""

    baseline: Baseline
    patch_group: str = ""
    snapshot_id: str = ""
    product: str = ""


class Wanted(NamedTuple):
    """One line of an InstallOverrideList; both are patterns, `title` may be empty."""

    id: str
    title: str = ""


class Choice(NamedTuple):
    """What was decided about one version that could be installed."""

    patch: Patch
    decision: str
    reason: str
    level: str = "UNSPECIFIED"


class Verdict(NamedTuple):
    """What the baseline says about one installed package.

    `choices`: one per newer version, oldest first. `target`: the newest approved one. `is_approved`,
    `level`: whether the installed version is in the baseline, and how much its absence would matter.
    """

    package: Package
    choices: Tuple[Choice, ...]
    target: Optional[Choice]
    is_approved: bool
    is_rejected: bool
    level: str = "UNSPECIFIED"


class Row(NamedTuple):
    """One package in the report."""

    patch: Patch
    state: str
    level: str
    installed_ms: int = 0
    reason: str = ""

    @property
    def is_compliant(self) -> bool:
        return self.state not in NON_COMPLIANT


Counts = Dict[str, int]
Rows = List[Row]


def highest(levels: List[str]) -> str:
    """The highest of these compliance levels; UNSPECIFIED of none."""
    return max(levels, key=LEVELS.index, default=LEVELS[0])
