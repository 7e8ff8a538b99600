"""What zypper and rpm say, read: pure functions from their output to values."""

import re
from typing import Dict, Iterable, List, NamedTuple, Set, Tuple
from xml.etree import ElementTree

from hostreeve.patcher.model import Patch
from hostreeve.patcher.rpm_version import Order, full

RPM_FORMAT = "%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{INSTALLTIME}\\n"
GRAVITY = ("", "unspecified", "low", "moderate", "important", "critical")
CATEGORIES = ("", "optional", "feature", "document", "yast", "recommended", "security")
_FIELD = re.compile(r"(\w[\w ]*\w|\w)\s*: ?(.*)\Z")
_LIMIT = re.compile(
    r"(?P<name>\S+?)(?:\.(?P<arch>x86_64|aarch64|i[3-6]86|noarch|ppc64le|s390x|s390))? < (?P<to>\S+)"
)


class Installed(NamedTuple):
    """One line of rpm's database."""

    name: str
    arch: str
    version: str
    installed_ms: int


class Notice(NamedTuple):
    """A patch of SUSE's: `limits` are the packages that it wants to be at least of a version."""

    name: str
    status: str
    category: str
    severity: str
    restart: bool
    issued_s: int
    cves: Tuple[str, ...]
    bugs: Tuple[str, ...]
    repository: str
    limits: Tuple[Tuple[str, str, str], ...] = ()


def rpm_entries(text: str) -> List[Installed]:
    """The lines of `rpm -qa` with RPM_FORMAT."""
    found = []
    for line in text.splitlines():
        name, arch, version, installed_s = line.split("\t")
        if name != "gpg-pubkey":
            found.append(Installed(name, arch, version, int(installed_s) * 1000))
    return found


def notices(xml: str) -> List[Notice]:
    """Of `zypper --xmlout list-patches --all`, without their limits."""
    return [_notice(each) for each in _root(xml).iter("update") if each.get("kind") == "patch"]


def limits(text: str) -> Dict[str, Tuple[Tuple[str, str, str], ...]]:
    """Of `zypper info -t patch NAME…`: by patch, name, architecture (may be empty) and least version."""
    found: Dict[str, List[Tuple[str, str, str]]] = {}
    name = field = ""
    for line in text.splitlines():
        matched = _FIELD.match(line)
        if matched:
            field, value = matched.groups()
            if field == "Name":
                name = value.strip()
                found.setdefault(name, [])
        else:
            value = line
        if field == "Conflicts" and name:
            limit = _LIMIT.match(value.strip())
            if limit and not limit.group("name").startswith("srcpackage:"):
                found[name].append((limit.group("name"), limit.group("arch") or "", full(limit.group("to"))))
    return {patch: tuple(named) for patch, named in found.items()}


def updates(xml: str) -> List[Patch]:
    """Of `zypper --xmlout list-updates`: the newest version that zypper would take, per package."""
    return [
        Patch(
            each.get("name", ""),
            each.get("arch", ""),
            full(each.get("edition", "")),
            repository=_alias(each),
        )
        for each in _root(xml).iter("update")
        if each.get("kind") == "package"
    ]


def solvables(xml: str) -> List[Tuple[str, Patch]]:
    """Of `zypper --xmlout search -s -t package`: each version, and whether it is installed."""
    found = []
    for each in _root(xml).iter("solvable"):
        repository = each.get("repository", "")
        patch = Patch(
            each.get("name", ""),
            each.get("arch", ""),
            full(each.get("edition", "")),
            repository="" if repository == "(System Packages)" else repository,
        )
        found.append((each.get("status", ""), patch))
    return found


def locked(xml: str) -> List[str]:
    """Of `zypper --xmlout locks`: the name patterns that are locked."""
    return [(each.text or "").strip() for lock in _root(xml).iter("lock") for each in lock.iter("name")]


def transaction(xml: str) -> Dict[str, Set[str]]:
    """Of `zypper --xmlout install --dry-run`: package names by what would be done to them (`to-install`,
    `to-upgrade`, `to-remove`, …)."""
    found: Dict[str, Set[str]] = {}
    for summary in _root(xml).iter("install-summary"):
        for group in summary:
            names = {each.get("name", "") for each in group.iter("solvable")}
            found.setdefault(group.tag, set()).update(names)
    return found


def described(patch: Patch, known: Iterable[Notice]) -> Patch:
    """A version with what the notices say that want this very version: the gravest, and the latest date."""
    naming = [notice for notice in known if _names(notice, patch)]
    if not naming:
        return patch
    category = max((notice.category for notice in naming), key=lambda each: _place(each, CATEGORIES))
    severity = max((notice.severity for notice in naming), key=lambda each: _place(each, GRAVITY))
    return patch._replace(
        classification=category.capitalize(),
        severity=severity.capitalize(),
        has_notice=True,
        is_security=category == "security",
        released_ms=max(notice.issued_s for notice in naming) * 1000 or None,
        advisories=tuple(sorted({notice.name for notice in naming})),
        bugs=tuple(sorted({bug for notice in naming for bug in notice.bugs})),
        cves=tuple(sorted({cve for notice in naming for cve in notice.cves})),
        wants_reboot=any(notice.restart for notice in naming),
    )


def wanted_versions(known: Iterable[Notice], there: Installed) -> List[Patch]:
    """Versions newer than the installed one that notices want, oldest first."""
    found = {}
    for notice in known:
        for name, arch, version in notice.limits:
            if name == there.name and arch in ("", there.arch) and Order(there.version) < Order(version):
                found[version] = Patch(there.name, there.arch, version, repository=notice.repository)
    return sorted(found.values(), key=lambda patch: Order(patch.version))


def _names(notice: Notice, patch: Patch) -> bool:
    return any(
        name == patch.name and arch in ("", patch.arch) and version == patch.version
        for name, arch, version in notice.limits
    )


def _notice(update: ElementTree.Element) -> Notice:
    issued = update.find("issue-date")
    issues = [(each.get("type", ""), each.get("id", "")) for each in update.iter("issue")]
    return Notice(
        update.get("name", ""),
        update.get("status", ""),
        update.get("category", ""),
        update.get("severity", ""),
        update.get("restart") == "true",
        int(issued.get("time_t", "0")) if issued is not None else 0,
        tuple(name for kind, name in issues if kind == "cve"),
        tuple(name for kind, name in issues if kind == "bugzilla"),
        _alias(update),
    )


def _alias(update: ElementTree.Element) -> str:
    source = update.find("source")
    return source.get("alias", "") if source is not None else ""


def _place(word: str, known: Tuple[str, ...]) -> int:
    return known.index(word) if word in known else 0


def _root(xml: str) -> ElementTree.Element:
    return ElementTree.fromstring(xml[xml.index("<") :])
