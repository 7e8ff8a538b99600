"""What Hostreeve.ReportPatches is given: every newer version there is, and why it is or is not installed."""

import re
from typing import Any, Dict, Iterable, List

from hostreeve.patcher.model import APPROVED, LEVELS, NOT_SELECTED, RPM, ZYPP, Choice, Patch, Verdict
from hostreeve.patcher.report import stamp

OFFERS_MAX = 5_000
_RESTARTS = re.compile(
    r"(?:kernel|linux-image|linux-modules|glibc|libc6|systemd|dbus|linux-firmware|microcode_ctl|intel-microcode"
    r"|amd64-microcode)(?:-.*)?\Z"
)


def offers(verdicts: Iterable[Verdict], family: str) -> List[Dict[str, Any]]:
    """The patches, packages with something to install first, each package's versions oldest first; at most
    OFFERS_MAX."""
    ordered = sorted(
        verdicts, key=lambda verdict: (verdict.target is None, *verdict.package.current.identity)
    )
    found = [_offer(verdict, choice, family) for verdict in ordered for choice in verdict.choices]
    return found[:OFFERS_MAX]


def wants_restart(patch: Patch) -> bool:
    """Whether its advisory says so, or it is one of those that are in use from start to stop."""
    return patch.wants_reboot or _RESTARTS.match(patch.name) is not None


def _offer(verdict: Verdict, choice: Choice, family: str) -> Dict[str, Any]:
    patch = choice.patch
    decision, reason = choice.decision, choice.reason
    if verdict.package.is_held and decision == APPROVED:
        decision, reason = NOT_SELECTED, "held by the administrator"
    epoch, version, release = _version_parts(patch.version, family)
    return {
        "Name": patch.name,
        "Arch": patch.arch,
        "Epoch": epoch,
        "Version": version,
        "Release": release,
        "Title": patch.title,
        "InstalledVersion": verdict.package.current.version,
        "Repository": patch.repository,
        "IsSecurity": patch.is_security or patch.has_notice,
        "Classification": patch.classification,
        "Severity": patch.severity,
        "Priority": patch.priority,
        "Section": patch.section,
        "ReleaseDate": stamp(patch.released_ms or 0),
        "AdvisoryIds": list(patch.advisories),
        "BugzillaIds": list(patch.bugs),
        "CVEIds": list(patch.cves),
        "ComplianceLevel": choice.level if decision == APPROVED else LEVELS[0],
        "Decision": decision,
        "Reason": reason,
        "RebootRequired": wants_restart(patch),
    }


def _version_parts(version: str, family: str) -> List[str]:
    if family not in (RPM, ZYPP):
        return ["", version, ""]
    epoch, _, rest = version.rpartition(":")
    number, _, release = rest.rpartition("-")
    return [epoch, number, release] if number else [epoch, rest, ""]
