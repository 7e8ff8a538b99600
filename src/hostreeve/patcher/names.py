"""Which package a line of ApprovedPatches, RejectedPatches or an InstallOverrideList means.

The formats are each package manager's own (docs/reference/patch-selection.md has the table); `*` stands
for any text, everything else for itself.
"""

import re
from functools import lru_cache
from typing import Iterable, List, Pattern

from hostreeve.patcher.model import RPM, ZYPP, Patch, Wanted

_CVE = re.compile(r"CVE-\d{4}-\d+", re.IGNORECASE)


def approves(patterns: Iterable[str], patch: Patch, family: str) -> bool:
    """Whether ApprovedPatches names this version: by package, by advisory, by CVE or by Bugzilla number."""
    return any(_approves(pattern, patch, family) for pattern in patterns)


def rejects(patterns: Iterable[str], patch: Patch, family: str) -> bool:
    """Whether RejectedPatches names this version: by package, on SUSE by patch, never by CVE or bug."""
    named = _names(patch, family)
    if family == ZYPP:
        named += list(patch.advisories)
    return any(matches(pattern, name) for pattern in patterns for name in named)


def wants(lines: Iterable[Wanted], patch: Patch) -> bool:
    """Whether one of the lines of an InstallOverrideList means this version."""
    return any(matches(line.id, patch.id) and _has_title(line.title, patch) for line in lines)


def matches(pattern: str, text: str) -> bool:
    """`*` in the pattern stands for any text, also for none."""
    return _compiled(pattern).match(text) is not None


def _has_title(pattern: str, patch: Patch) -> bool:
    """The published examples write the version alone, the text says name and version: both are taken."""
    return not pattern or matches(pattern, patch.title) or matches(pattern, patch.version)


def _approves(pattern: str, patch: Patch, family: str) -> bool:
    if family in (RPM, ZYPP):
        if pattern.isdigit():
            return pattern in patch.bugs
        if _CVE.match(pattern):
            return pattern.upper() in patch.cves
        if any(matches(pattern, advisory) for advisory in patch.advisories):
            return True
    return any(matches(pattern, name) for name in _names(patch, family))


def _names(patch: Patch, family: str) -> List[str]:
    named = [patch.name, patch.id]
    if family not in (RPM, ZYPP):
        return [*named, patch.name + "=" + patch.version]
    epoch, _, rest = patch.version.partition(":")
    forms = [patch.name + "-" + rest, patch.name + "-" + patch.version, epoch + ":" + patch.name + "-" + rest]
    return named + forms + [form + "." + patch.arch for form in forms]


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")) + r"\Z", re.DOTALL)
