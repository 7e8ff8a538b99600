"""Which versions a baseline approves, and why. Nothing here touches the host.

The order is AWS's: global filters keep, rules approve, ApprovedPatches add, RejectedPatches remove; of
several approved versions the newest is the target.
"""

from datetime import date, timedelta
from typing import List, NamedTuple, Optional, Tuple

from hostreeve.patcher import names
from hostreeve.patcher.model import (
    APPROVED,
    APT,
    NOT_SELECTED,
    PENDING,
    REJECTED,
    RPM,
    ZYPP,
    Baseline,
    Choice,
    Host,
    Package,
    Patch,
    Rule,
    Verdict,
    Wanted,
    highest,
)

DAY_MS = 86_400_000
ANY = "*"
_EPOCH = date(1970, 1, 1)


class View(NamedTuple):
    """From where a version is judged: by this baseline, on this kind of host, on this day (UTC)."""

    baseline: Baseline
    family: str
    product: str
    today: int


def select(host: Host, baseline: Baseline, now_ms: int) -> List[Verdict]:
    """The verdict about every installed package, in the host's order."""
    view = View(baseline, host.family, host.product, now_ms // DAY_MS)
    return [_verdict(package, view) for package in host.packages]


def override(host: Host, offers: Tuple[Patch, ...], lines: Tuple[Wanted, ...]) -> List[Patch]:
    """What an InstallOverrideList means here: per package the newest version that a line names.

    `offers`: versions of packages that are not installed. What is installed already is not wanted again.
    """
    chosen = {}
    for package in host.packages:
        for patch in package.newer:
            if names.wants(lines, patch):
                chosen[patch.identity] = patch
    for patch in offers:
        if names.wants(lines, patch):
            chosen[patch.identity] = patch
    return list(chosen.values())


def not_applicable(host: Host, baseline: Baseline) -> int:
    """How many lines of ApprovedPatches mean nothing that is installed here."""
    known = [patch for package in host.packages for patch in (package.current, *package.newer)]
    return sum(
        not any(names.approves((line,), patch, host.family) for patch in known) for line in baseline.approved
    )


def _verdict(package: Package, view: View) -> Verdict:
    choices = tuple(_choice(patch, view) for patch in package.newer)
    approved = [choice for choice in choices if choice.decision == APPROVED]
    current = package.current
    standing = _choice(current, view) if current.repository else None
    is_approved = standing is not None and standing.decision == APPROVED
    return Verdict(
        package,
        choices,
        approved[-1] if approved else None,
        is_approved,
        names.rejects(view.baseline.rejected, current, view.family),
        standing.level if standing is not None and is_approved else "UNSPECIFIED",
    )


def _choice(patch: Patch, view: View) -> Choice:
    if names.rejects(view.baseline.rejected, patch, view.family):
        return Choice(patch, REJECTED, "rejected patches")
    granted, refused = _by_rules(patch, view)
    if _is_listed(patch, view):
        level = highest([view.baseline.approved_level] + [each.level for each in granted])
        return Choice(patch, APPROVED, granted[0].reason if granted else "approved patches", level)
    if granted:
        return Choice(patch, APPROVED, granted[0].reason, highest([each.level for each in granted]))
    return refused


def _is_listed(patch: Patch, view: View) -> bool:
    if not names.approves(view.baseline.approved, patch, view.family):
        return False
    return view.baseline.approved_with_non_security or _is_within_security(patch, view.family)


def _by_rules(patch: Patch, view: View) -> Tuple[List[Choice], Choice]:
    """What the rules that approve it say, and what to answer when there are none."""
    if not _passes(view.baseline.global_filters, patch, view):
        return [], Choice(patch, NOT_SELECTED, "global filters")
    granted = []
    refused = Choice(patch, NOT_SELECTED, "no rule approves it")
    for number, rule in enumerate(view.baseline.rules, 1):
        said = _by_rule(number, rule, patch, view)
        if said is not None and said.decision == APPROVED:
            granted.append(said)
        elif said is not None and refused.decision != PENDING:
            refused = said
    return granted, refused


def _by_rule(number: int, rule: Rule, patch: Patch, view: View) -> Optional[Choice]:
    """None when its filters do not mean this version at all."""
    if not _passes(rule.filters, patch, view):
        return None
    if not rule.with_non_security and not _is_within_security(patch, view.family):
        return Choice(patch, NOT_SELECTED, "not a security update")
    if not patch.has_notice and not _takes_unnoticed(rule, view.family):
        return None
    waits_until = _waits_until(rule, patch, view)
    if waits_until is None:
        return Choice(patch, APPROVED, "rule %d" % number, rule.level)
    if rule.after_days is None:
        return None
    return Choice(patch, PENDING, "rule %d approves it on %s" % (number, _date(waits_until)), rule.level)


def _is_within_security(patch: Patch, family: str) -> bool:
    """AWS's rule without EnableNonSecurity: from the security pocket (apt), or in any advisory (others)."""
    return patch.has_notice if family in (RPM, ZYPP) else patch.is_security


def _takes_unnoticed(rule: Rule, family: str) -> bool:
    """A version without an advisory has no class and no severity, so only filters that take any take it."""
    if family not in (RPM, ZYPP):
        return True
    named = [values for key, values in rule.filters if key in ("CLASSIFICATION", "SEVERITY")]
    return all(ANY in values for values in named)


def _waits_until(rule: Rule, patch: Patch, view: View) -> Optional[int]:
    """None when the rule approves it today. Debian's repositories have no dates, so apt knows no delay; a
    version of unknown age is not delayed either."""
    if view.family == APT or patch.released_ms is None:
        return None
    released = patch.released_ms // DAY_MS
    if rule.until_day is not None:
        return None if released <= rule.until_day else released
    due = released + (rule.after_days or 0)
    return None if due <= view.today else due


def _passes(filters: Tuple[Tuple[str, Tuple[str, ...]], ...], patch: Patch, view: View) -> bool:
    return all(ANY in values or _matches(key, values, patch, view) for key, values in filters)


def _matches(key: str, values: Tuple[str, ...], patch: Patch, view: View) -> bool:
    if key == "PRODUCT":
        return view.product in values
    wanted = {value.lower() for value in values}
    if key == "CLASSIFICATION":
        return patch.classification.lower() in wanted
    if key == "SEVERITY":
        return bool(_severities(patch.severity) & wanted)
    if key == "PRIORITY":
        return patch.priority.lower() in wanted
    if key == "REPOSITORY":
        repository = patch.repository.lower()
        return repository in wanted or repository.rsplit("/", 1)[-1] in wanted
    if key == "SECTION":
        section = patch.section.lower()
        return section in wanted or section.rsplit("/", 1)[-1] in wanted
    return False


def _severities(severity: str) -> frozenset:  # type: ignore[type-arg]
    """Medium and Moderate are one; what has no severity is None."""
    lowered = severity.lower() or "none"
    same = ("medium", "moderate")
    return frozenset(same if lowered in same else (lowered,))


def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()
