"""What dnf knows, asked in a process of dnf's Python: `PAYLOAD dnf-query {"refresh": true}` prints JSON.

dnf's library is there for dnf's own Python only, which need not be the one that runs the payload. Its
configuration, plug-ins, modules and locks are in force, so what is seen is what dnf would install.
"""

import importlib
import json
import os
import sys
import time
from typing import Any, Dict, Iterable, List, Set, Tuple

SEVERITIES = ("", "none", "unspecified", "low", "medium", "moderate", "important", "high", "critical")
ORDER = ("Newpackage", "", "Enhancement", "Bugfix", "Security")
"""Which class a version has that several advisories name: the last of these."""


def main(asked: str) -> int:
    """1, and the reason on standard error, when a repository cannot be read."""
    wanted = json.loads(asked)
    # The library tells an advisory's time in the zone of its process.
    os.environ["TZ"] = "UTC"
    time.tzset()
    dnf: Any = importlib.import_module("dnf")
    importlib.import_module("dnf.exceptions")
    try:
        with _base(dnf, wanted) as base:
            json.dump(_found(base, wanted), sys.stdout)
    except (dnf.exceptions.Error, OSError) as wrong:
        print(str(wrong), file=sys.stderr)
        return 1
    return 0


def _base(dnf: Any, wanted: Dict[str, Any]) -> Any:
    base = dnf.Base()
    base.conf.read()
    base.conf.substitutions.update_from_etc(base.conf.installroot)
    if wanted.get("reposdir"):
        base.conf.reposdir = [wanted["reposdir"]]
    base.init_plugins()
    base.pre_configure_plugins()
    base.read_all_repos()
    base.configure_plugins()
    for repo in base.repos.iter_enabled():
        # What an absent repository has is unknown, and unknown is not compliant.
        repo.skip_if_unavailable = False
        if wanted.get("refresh"):
            repo._repo.expire()
    # Who waits for a lock waits outside, and not for ever.
    base.conf.exit_on_lock = True
    base.conf.cacheonly = not wanted.get("refresh")
    base.fill_sack()
    return base


def _found(base: Any, wanted: Dict[str, Any]) -> Dict[str, Any]:
    hawkey: Any = importlib.import_module("hawkey")
    every = getattr(hawkey, "IGNORE_REGULAR_EXCLUDES", hawkey.IGNORE_EXCLUDES)
    newest, duplicates = _installed(base, every)
    names = sorted({pkg.name for pkg in newest.values()})
    offered: Dict[Tuple[str, str], List[Any]] = {}
    allowed: Set[str] = set()
    if names:
        for pkg in base.sack.query(flags=every).available().filterm(name=names):
            offered.setdefault((pkg.name, pkg.arch), []).append(pkg)
        allowed = {str(pkg) for pkg in base.sack.query().available().filterm(name=names)}
    packages = [_package(hawkey, pkg, offered.get(key, []), allowed) for key, pkg in newest.items()]
    for each in packages:
        each["broken"] = each["name"] + "." + each["arch"] in duplicates
    return {"packages": packages, "offers": _offers(base, hawkey, wanted, set(newest))}


def _installed(base: Any, every: int) -> Tuple[Dict[Tuple[str, str], Any], Set[str]]:
    """The newest of each name and architecture, and which are there twice and should not be."""
    newest: Dict[Tuple[str, str], Any] = {}
    twice: Set[str] = set()
    # What the administrator excludes is there all the same.
    there = base.sack.query(flags=every).installed()
    several = set(base._get_installonly_query(there))
    for pkg in there:
        if pkg.name == "gpg-pubkey":
            continue
        key = pkg.name, pkg.arch
        if key in newest and pkg not in several:
            twice.add(pkg.name + "." + pkg.arch)
        if key not in newest or pkg > newest[key]:
            newest[key] = pkg
    return newest, twice


def _package(hawkey: Any, installed: Any, offered: List[Any], allowed: Set[str]) -> Dict[str, Any]:
    newer = _one_per_version(sorted((pkg for pkg in offered if pkg > installed), key=_by_version))
    same = [pkg for pkg in offered if pkg.evr_cmp(installed) == 0]
    found = _described(hawkey, installed)
    found["repository"] = same[0].reponame if same else ""
    found["installed_s"] = installed.installtime
    found["newer"] = [_described(hawkey, pkg) for pkg in newer]
    found["held"] = bool(newer) and not any(str(pkg) in allowed for pkg in newer)
    return found


def _offers(
    base: Any, hawkey: Any, wanted: Dict[str, Any], there: Set[Tuple[str, str]]
) -> List[Dict[str, Any]]:
    """Packages that are not installed and that one of these name patterns could mean."""
    found: List[Any] = []
    for pattern in wanted.get("names", ()):
        found += [pkg for pkg in base.sack.query().available().filterm(name__glob=pattern)]
    absent = [pkg for pkg in found if (pkg.name, pkg.arch) not in there]
    return [_described(hawkey, pkg) for pkg in _one_per_version(sorted(absent, key=_by_version))]


def _by_version(pkg: Any) -> Any:
    """Packages order by name, then by version."""
    return pkg


def _one_per_version(ordered: Iterable[Any]) -> List[Any]:
    """Two repositories may have the same one."""
    seen: Dict[str, Any] = {}
    for pkg in ordered:
        seen.setdefault(str(pkg), pkg)
    return list(seen.values())


def _described(hawkey: Any, pkg: Any) -> Dict[str, Any]:
    found = {
        "name": pkg.name,
        "arch": pkg.arch,
        "version": "%s:%s-%s" % (pkg.epoch, pkg.version, pkg.release),
        "repository": pkg.reponame,
        "built_s": pkg.buildtime,
    }
    found.update(merged([_notice(each) for each in pkg.get_advisories(hawkey.EQ)]))
    return found


def _notice(advisory: Any) -> Dict[str, Any]:
    hawkey: Any = importlib.import_module("hawkey")
    kinds = {
        hawkey.ADVISORY_SECURITY: "Security",
        hawkey.ADVISORY_BUGFIX: "Bugfix",
        hawkey.ADVISORY_ENHANCEMENT: "Enhancement",
        getattr(hawkey, "ADVISORY_NEWPACKAGE", -1): "Newpackage",
    }
    calendar: Any = importlib.import_module("calendar")
    updated = advisory.updated
    references = [(each.type, each.id or "") for each in advisory.references]
    return {
        "id": advisory.id,
        "kind": kinds.get(advisory.type, ""),
        "severity": advisory.severity or "",
        "updated_s": calendar.timegm(updated.timetuple()) if updated is not None else 0,
        "cves": [name for kind, name in references if kind == hawkey.REFERENCE_CVE],
        "bugs": [name for kind, name in references if kind == hawkey.REFERENCE_BUGZILLA],
    }


def merged(notices: List[Dict[str, Any]]) -> Dict[str, Any]:
    """What several advisories together say of one version: the gravest, and the latest date."""
    if not notices:
        return {"advisories": []}
    severities = [notice["severity"] for notice in notices]
    return {
        "advisories": sorted({notice["id"] for notice in notices}),
        "classification": max((notice["kind"] for notice in notices), key=ORDER.index),
        "severity": max(severities, key=_gravity),
        "updated_s": max(notice["updated_s"] for notice in notices),
        "cves": sorted({name for notice in notices for name in notice["cves"]}),
        "bugs": sorted({name for notice in notices for name in notice["bugs"]}),
    }


def _gravity(severity: str) -> int:
    lowered = severity.lower()
    return SEVERITIES.index(lowered) if lowered in SEVERITIES else 0
