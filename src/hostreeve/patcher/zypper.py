"""zypper and rpm: SUSE Linux Enterprise. Its patches say what a package's version is for."""

import os
from typing import Dict, List, Sequence, Tuple
from xml.etree import ElementTree

from hostreeve.patcher import names, programs, trouble, zypper_reading
from hostreeve.patcher.model import ZYPP, Host, Package, Patch, Wanted
from hostreeve.patcher.packager import Attempt, Packager, Settings, repository_files
from hostreeve.patcher.rpm_version import Order
from hostreeve.patcher.zypper_reading import Installed, Notice

CONTENT = (0, 100, 101, 102, 103)
"""Exit codes that are no failure: nothing wrong, updates needed, security updates needed, restarts needed."""
PATCHES_AT_ONCE = 200
REMOVING = ("to-remove", "to-downgrade", "to-change-vendor")


class Zypper(Packager):
    """The host's zypper. The baseline's sources, when it has any, stand in a folder of their own with a cache
    of its own, so nothing has to be put back when a run is cut off."""

    family = ZYPP

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options: List[str] = []
        if settings.sources:
            folder = repository_files(settings, "zypp.repos.d")
            self._options = ["--reposd-dir", folder, "--cache-dir", os.path.join(settings.state, "zypp")]

    def refresh(self) -> None:
        ran = self._patiently(["refresh"], is_shown=False)
        if ran.code not in CONTENT:
            raise trouble.read("zypper refresh", ran.code, ran.said + ran.errors)

    def host(self, product: str) -> Host:
        entries = self._entries()
        known = self._notices()
        best = {patch.identity: patch for patch in zypper_reading.updates(self._xml("list-updates"))}
        search = self._xml("search", "-s", "-i", "-t", "package")
        places = {(p.identity, p.version): p.repository for _, p in zypper_reading.solvables(search)}
        locked = zypper_reading.locked(self._xml("locks"))
        newest, twice = _newest(entries)
        packages = []
        for entry in newest:
            current = Patch(entry.name, entry.arch, entry.version)
            current = current._replace(repository=places.get((current.identity, entry.version), ""))
            packages.append(
                Package(
                    zypper_reading.described(current, known),
                    _newer(entry, known, best),
                    entry.installed_ms,
                    any(names.matches(pattern, entry.name) for pattern in locked),
                    (entry.name, entry.arch) in twice,
                )
            )
        return Host(ZYPP, product, tuple(packages))

    def offers(self, wanted: Sequence[Wanted]) -> Tuple[Patch, ...]:
        there = {(entry.name, entry.arch) for entry in self._entries()}
        listed = zypper_reading.solvables(self._xml("search", "-s", "-t", "package"))
        absent = [p for _, p in listed if p.identity not in there and p.repository]
        meant = [patch for patch in absent if names.wants(wanted, patch)]
        return tuple(sorted(meant, key=lambda patch: Order(patch.version)))

    def repair(self) -> str:
        newest, twice = _newest(self._entries())
        broken = [entry for entry in newest if (entry.name, entry.arch) in twice]
        if not broken:
            return ""
        print("an earlier installation was cut off; finishing it", flush=True)
        wanted = [_spec(Patch(entry.name, entry.arch, entry.version)) for entry in broken]
        ran = self._patiently(["install", "--force", "--auto-agree-with-licenses", *wanted])
        if ran.code in CONTENT and not _newest(self._entries())[1]:
            return ""
        wrong = trouble.read("zypper install --force", ran.code, ran.said)
        return "packages that are installed twice cannot be repaired: %s" % wrong

    def install(self, patches: Sequence[Patch], barred: Sequence[str]) -> Attempt:
        wanted = [_spec(patch) for patch in patches]
        argv = ["install", "--auto-agree-with-licenses", "--no-force-resolution"]
        try:
            plan = self._patiently(["--xmlout", *argv, "--dry-run", *wanted], is_shown=False)
            if plan.code not in CONTENT:
                return _attempt(trouble.read("zypper install", plan.code, plan.said + plan.errors))
            refused = _refused(plan.said, barred)
            if refused:
                return Attempt(trouble.DEPENDENCY, refused)
            ran = self._patiently([*argv, *wanted])
        except trouble.Trouble as wrong:
            return _attempt(wrong)
        if ran.code in CONTENT:
            return Attempt()
        return _attempt(trouble.read("zypper install", ran.code, ran.said))

    def _notices(self) -> List[Notice]:
        """Those that are for packages of this host, with what they want."""
        listed = zypper_reading.notices(self._xml("list-patches", "--all"))
        here = [notice for notice in listed if notice.status in ("needed", "applied")]
        wants: Dict[str, Tuple[Tuple[str, str, str], ...]] = {}
        for start in range(0, len(here), PATCHES_AT_ONCE):
            some = [notice.name for notice in here[start : start + PATCHES_AT_ONCE]]
            wants.update(zypper_reading.limits(self._answer("info", "-t", "patch", *some)))
        return [notice._replace(limits=wants.get(notice.name, ())) for notice in here]

    def _entries(self) -> List[Installed]:
        return zypper_reading.rpm_entries(programs.answer(["rpm", "-qa", "--qf", zypper_reading.RPM_FORMAT]))

    def _xml(self, *words: str) -> str:
        said = self._answer("--xmlout", *words)
        try:
            ElementTree.fromstring(said[said.index("<") :])
        except (ElementTree.ParseError, ValueError):
            raise trouble.Trouble(
                trouble.OTHER, "zypper %s: its answer is no XML" % " ".join(words)
            ) from None
        return said

    def _answer(self, *words: str) -> str:
        """Of the lists that `refresh` has loaded."""
        ran = self._patiently(["--no-refresh", *words], is_shown=False)
        # 104: nothing has that name, which is an answer.
        if ran.code not in (*CONTENT, 104):
            raise trouble.read("zypper " + words[-1], ran.code, ran.said + ran.errors)
        return ran.said

    def _patiently(self, words: List[str], *, is_shown: bool = True) -> programs.Ran:
        argv = ["zypper", "--non-interactive", *self._options, *words]
        run = programs.follow if is_shown else programs.ask
        return programs.patiently(lambda: run(argv), "zypper", self._settings.lock_wait_s, CONTENT)


def _newer(entry: Installed, known: List[Notice], best: Dict[Tuple[str, str], Patch]) -> Tuple[Patch, ...]:
    """Versions that patches want, and the newest there is, oldest first."""
    found = zypper_reading.wanted_versions(known, entry)
    last = best.get((entry.name, entry.arch))
    if last is not None and last.version not in [patch.version for patch in found]:
        found.append(last)
    described = [zypper_reading.described(patch, known) for patch in found]
    return tuple(sorted(described, key=lambda patch: Order(patch.version)))


def _newest(entries: List[Installed]) -> Tuple[List[Installed], List[Tuple[str, str]]]:
    """The newest of each name and architecture; which are there twice, though only kernels may be."""
    newest: Dict[Tuple[str, str], Installed] = {}
    twice = []
    for entry in entries:
        key = entry.name, entry.arch
        known = newest.get(key)
        if known is not None and not entry.name.startswith("kernel-"):
            twice.append(key)
        if known is None or Order(known.version) < Order(entry.version):
            newest[key] = entry
    return list(newest.values()), twice


def _refused(plan: str, barred: Sequence[str]) -> str:
    """Why this transaction is not for us; empty when it is."""
    doing = zypper_reading.transaction(plan)
    removed = sorted(name for what in REMOVING for name in doing.get(what, ()))
    if removed:
        return "it would remove or downgrade %s" % ", ".join(removed[:5])
    for what, named in doing.items():
        for name in sorted(named):
            if what.startswith("to-") and any(names.matches(pattern, name) for pattern in barred):
                return "it depends on the rejected %s" % name
    return ""


def _attempt(wrong: trouble.Trouble) -> Attempt:
    return Attempt(wrong.kind, str(wrong))


def _spec(patch: Patch) -> str:
    epoch, _, rest = patch.version.partition(":")
    return "%s.%s=%s" % (patch.name, patch.arch, rest if epoch == "0" else patch.version)
