"""How the lists of approved and rejected patches name packages, by operating system."""

import re

from hostreeve.capabilities.patches.model.systems import ALPINE, APT, MACOS, WINDOWS, ZYPPER

_WINDOWS = re.compile(r"KB[0-9]{4,10}|MS[0-9]{2}-[0-9]{3}")
_APT = re.compile(r"[a-z0-9*][a-z0-9+.*-]*")
_APK = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_+.*-]*")
_RPM = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_+.:~^*-]*")
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,7}")
_ADVISORY = re.compile(r"(RH[SBE]A|ALAS[A-Z0-9.]*|EL[SBE]A|AL[SBE]A|RL[SBE]A|CE[SBE]A|FEDORA)-[0-9]{4}[-:].*")


def trouble_with(operating_system: str, name: str, *, is_rejected: bool) -> str:
    """Why a list of a baseline for this operating system cannot name a patch so; empty when it can.

    Of the RPM family, approved patches are packages, advisories, CVE and Bugzilla numbers; rejected patches
    are packages only (AWS, "Package name formats for approved and rejected patch lists").
    """
    if operating_system == WINDOWS:
        return "" if _WINDOWS.fullmatch(name) else "it is neither KB and digits nor MSyy-nnn"
    if operating_system == MACOS:
        return "names of macOS take no wildcard" if "*" in name else ""
    if operating_system in APT:
        return "" if _APT.fullmatch(name) else "it is no package's name (no version, no architecture)"
    if operating_system == ALPINE:
        return "" if _APK.fullmatch(name) else "it is no package's name"
    return _rpm_trouble(operating_system, name, is_rejected=is_rejected)


def _rpm_trouble(operating_system: str, name: str, *, is_rejected: bool) -> str:
    if not _RPM.fullmatch(name):
        return "it is no package's name"
    if name.count("*") > 1:
        return "it has more than one wildcard"
    if not is_rejected or operating_system in ZYPPER:
        return ""
    if name.isdigit() or _CVE.fullmatch(name) or _ADVISORY.fullmatch(name):
        return "only packages are rejected by name, not advisories, CVE or Bugzilla numbers"
    return ""
