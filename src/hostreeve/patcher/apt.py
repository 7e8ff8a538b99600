"""apt and dpkg: Debian, Ubuntu, Raspbian."""

import os
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from hostreeve.patcher import apt_reading, names, programs, trouble
from hostreeve.patcher.model import APT, Host, Package, Patch, Wanted
from hostreeve.patcher.packager import Attempt, Packager, Settings

NAMES_BYTES_MAX = 100_000
"""Of package names on one command line."""
RETRIES = "3"
INFO = "/var/lib/dpkg/info"


class Apt(Packager):
    """The host's apt. The baseline's sources, when it has any, stand in a folder of their own: the host's
    lists and configuration are not touched, so nothing has to be put back when a run is cut off."""

    family = APT

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options: List[str] = []
        if settings.sources:
            self._options = self._with_sources(os.path.join(settings.state, "apt"))

    def refresh(self) -> None:
        argv = ["apt-get", *self._options, "-o", "APT::Update::Error-Mode=any", "update"]
        argv[1:1] = ["-o", "Acquire::Retries=" + RETRIES]
        ran = self._patiently(argv, is_shown=False)
        said = ran.said + ran.errors
        # Before apt 2.1.? a repository that failed is a warning only, and old lists are used.
        if ran.code != 0 or "Failed to fetch" in said or "Some index files failed" in said:
            raise trouble.read("apt-get update", ran.code, said)

    def host(self, product: str) -> Host:
        entries = [entry for entry in self._entries() if entry.is_installed or entry.is_halfway]
        known = apt_reading.releases(programs.answer(["apt-cache", *self._options, "policy"]))
        offered = self._policies([entry.asked_as for entry in entries])
        held = set(programs.answer(["apt-mark", "showhold"]).split())
        newer = self._newer(entries, offered, known)
        packages = []
        for entry in entries:
            offer = offered.get(entry.asked_as)
            packages.append(
                Package(
                    _current(entry, offer, known),
                    newer.get((entry.asked_as, offer.candidate), ()) if offer else (),
                    _installed_ms(entry),
                    entry.asked_as in held or entry.name in held or entry.wish == "h",
                    entry.is_halfway,
                )
            )
        return Host(APT, product, tuple(packages))

    def offers(self, wanted: Sequence[Wanted]) -> Tuple[Patch, ...]:
        installed = {(entry.name, entry.arch) for entry in self._entries() if entry.is_installed}
        every = programs.answer(["apt-cache", *self._options, "pkgnames"]).split()
        # The architecture is known only later; a line's own may be a pattern with dots in it.
        asked = [name for name in every if any(_could_mean(line, name) for line in wanted)]
        known = apt_reading.releases(programs.answer(["apt-cache", *self._options, "policy"]))
        offered = self._policies(asked)
        versions = ["%s=%s" % (name, offer.candidate) for name, offer in offered.items() if _is_real(offer)]
        described = (
            apt_reading.described(stanza, offered[stanza["package"]], known)
            for stanza in self._shown(versions)
            if stanza.get("package") in offered
        )
        return tuple(patch for patch in described if patch.identity not in installed)

    def repair(self) -> str:
        if not apt_reading.halfway(self._entries()) and not _has_updates():
            return ""
        print("an earlier installation was cut off; finishing it", flush=True)
        ran = self._patiently(["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"])
        if ran.code == 0 and not apt_reading.halfway(self._entries()):
            return ""
        ran = self._patiently(["apt-get", *self._quiet(), "--fix-broken", "install"])
        left = apt_reading.halfway(self._entries())
        if ran.code == 0 and not left:
            return ""
        wrong = trouble.read("apt-get --fix-broken install", ran.code, ran.said)
        return "%s cannot be repaired: %s" % (", ".join(left[:5]) or "packages", wrong)

    def install(self, patches: Sequence[Patch], barred: Sequence[str]) -> Attempt:
        wanted = ["%s:%s=%s" % (patch.name, patch.arch, patch.version) for patch in patches]
        wanted = [each.replace(":all=", "=") for each in wanted]
        try:
            argv = ["apt-get", *self._quiet(), *self._barring(barred), "install", *wanted]
            ran = self._patiently(argv)
        except trouble.Trouble as wrong:
            return Attempt(wrong.kind, str(wrong))
        if ran.code == 0:
            return Attempt()
        failed = trouble.read("apt-get install", ran.code, ran.said)
        return Attempt(failed.kind, str(failed))

    def _quiet(self) -> List[str]:
        """No questions; a configuration file stays as the administrator left it; nothing is removed."""
        options = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
        options += ["-o", "Acquire::Retries=" + RETRIES, "-o", "Dpkg::Use-Pty=0"]
        return ["-y", "-q", "--no-remove", *options, *self._options]

    def _barring(self, barred: Sequence[str]) -> List[str]:
        """Options under which no version of these packages can be installed anew."""
        if not barred:
            return []
        path = os.path.join(self._settings.state, "barred")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(_preferences() + "\n\n")
            for pattern in barred:
                name, _, version = pattern.partition("=")
                pin = "version " + version if version else "release *"
                file.write("Package: %s\nPin: %s\nPin-Priority: -1\n\n" % (name, pin))
        return ["-o", "Dir::Etc::Preferences=" + path]

    def _patiently(self, argv: List[str], *, is_shown: bool = True) -> programs.Ran:
        run = programs.follow if is_shown else programs.ask
        return programs.patiently(lambda: run(argv), argv[0], self._settings.lock_wait_s)

    def _with_sources(self, folder: str) -> List[str]:
        lists = os.path.join(folder, "lists")
        os.makedirs(os.path.join(lists, "partial"), mode=0o755, exist_ok=True)
        path = os.path.join(folder, "sources.list")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(source.configuration.strip() + "\n" for source in self._settings.sources))
        return [
            *("-o", "Dir::Etc::SourceList=" + path),
            *("-o", "Dir::Etc::SourceParts=/dev/null"),
            *("-o", "Dir::State::Lists=" + lists),
            *("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="),
        ]

    def _entries(self) -> List[apt_reading.Entry]:
        text = programs.answer(["dpkg-query", "-W", "-f", apt_reading.DPKG_FORMAT])
        return list(apt_reading.dpkg_entries(text))

    def _policies(self, wanted: List[str]) -> Dict[str, apt_reading.Offered]:
        """apt prints a package of its own architecture without it, so answers are matched by their order."""
        found: Dict[str, apt_reading.Offered] = {}
        for some in _chunks(wanted):
            text = programs.answer(["apt-cache", *self._options, "policy", *some])
            printed = dict(apt_reading.policies(text))
            for name in some:
                offer = printed.get(name) or printed.get(name.split(":")[0])
                if offer is not None:
                    found[name] = offer
        return found

    def _newer(
        self,
        entries: List[apt_reading.Entry],
        offered: Dict[str, apt_reading.Offered],
        known: Dict[str, apt_reading.Release],
    ) -> Dict[Tuple[str, str], Tuple[Patch, ...]]:
        """By package and version: the candidates that are not what is installed."""
        changed = [
            (entry.asked_as, offered[entry.asked_as])
            for entry in entries
            if entry.asked_as in offered
            and _is_real(offered[entry.asked_as])
            and offered[entry.asked_as].candidate != entry.version
        ]
        stanzas = list(self._shown(["%s=%s" % (name, offer.candidate) for name, offer in changed]))
        by_version = {(each.get("package"), each.get("version")): each for each in stanzas}
        found: Dict[Tuple[str, str], Tuple[Patch, ...]] = {}
        for name, offer in changed:
            stanza = by_version.get((name.split(":")[0], offer.candidate))
            if stanza is not None:
                found[name, offer.candidate] = (apt_reading.described(stanza, offer, known),)
        return found

    def _shown(self, versions: List[str]) -> Iterable[Dict[str, str]]:
        for some in _chunks(versions):
            yield from apt_reading.stanzas(programs.answer(["apt-cache", *self._options, "show", *some]))


def _current(
    entry: apt_reading.Entry, offer: Optional[apt_reading.Offered], known: Dict[str, apt_reading.Release]
) -> Patch:
    sources = offer.installed_sources if offer else ()
    return Patch(
        entry.name,
        entry.arch,
        entry.version,
        priority=entry.priority,
        section=entry.section,
        is_security=any(known[source].is_security for source in sources if source in known),
        repository=apt_reading.repository(sources),
    )


def _could_mean(line: Wanted, name: str) -> bool:
    return names.matches(line.id, name) or names.matches(line.id.rpartition(".")[0] or line.id, name)


def _is_real(offer: apt_reading.Offered) -> bool:
    return offer.candidate not in ("", "(none)")


def _preferences() -> str:
    """The administrator's, which stay in force."""
    try:
        with open("/etc/apt/preferences", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _has_updates() -> bool:
    """Whether dpkg was cut off while it wrote its database."""
    try:
        return bool([name for name in os.listdir("/var/lib/dpkg/updates") if name.isdigit()])
    except OSError:
        return False


def _installed_ms(entry: apt_reading.Entry) -> int:
    for name in (entry.name + ":" + entry.arch, entry.name):
        try:
            return int(os.stat(os.path.join(INFO, name + ".list")).st_mtime * 1000)
        except OSError:
            continue
    return 0


def _chunks(wanted: List[str]) -> Iterable[List[str]]:
    some: List[str] = []
    size = 0
    for each in wanted:
        if some and size + len(each) + 1 > NAMES_BYTES_MAX:
            yield some
            some, size = [], 0
        some.append(each)
        size += len(each) + 1
    if some:
        yield some
