"""dnf and rpm: Red Hat's, Rocky, Alma, Oracle, CentOS, Amazon Linux 2022 and later."""

import json
import os
import sys
from typing import Any, Dict, List, Sequence, Tuple

from hostreeve.patcher import programs, trouble
from hostreeve.patcher.model import RPM, Host, Package, Patch, Wanted
from hostreeve.patcher.packager import Attempt, Packager, Settings, repository_files

INTERPRETERS = ("/usr/libexec/platform-python", "/usr/bin/python3")


class Dnf(Packager):
    """The host's dnf. The baseline's sources, when it has any, are the only repositories of a run: they stand
    in a folder of their own, so nothing has to be put back when a run is cut off."""

    family = RPM

    def __init__(self, settings: Settings) -> None:
        where = programs.found("dnf-3", "dnf")
        if where is None:
            raise trouble.Trouble(
                trouble.OTHER, "this host has no dnf; yum without it (Python 2) is not supported"
            )
        self._settings, self._dnf = settings, where
        self._reposdir = repository_files(settings, "yum.repos.d") if settings.sources else ""
        self._found: Dict[str, Any] = {}

    def refresh(self) -> None:
        self._found = self._asked(refresh=True)

    def host(self, product: str) -> Host:
        found, self._found = self._found or self._asked(), {}
        return Host(RPM, product, tuple(_package(each) for each in found["packages"]))

    def offers(self, wanted: Sequence[Wanted]) -> Tuple[Patch, ...]:
        ids = [line.id for line in wanted]
        names = sorted(set(ids) | {each.rpartition(".")[0] for each in ids if "." in each})
        return tuple(_patch(each) for each in self._asked(names=names)["offers"])

    def repair(self) -> str:
        if not any(package.is_broken for package in self.host("").packages):
            return ""
        print("an earlier installation was cut off; finishing it", flush=True)
        ran = self._patiently([*self._quiet(), "remove", "--duplicates"])
        if ran.code == 0 and not any(package.is_broken for package in self.host("").packages):
            return ""
        wrong = trouble.read("dnf remove --duplicates", ran.code, ran.said)
        return "packages that are installed twice cannot be repaired: %s" % wrong

    def install(self, patches: Sequence[Patch], barred: Sequence[str]) -> Attempt:
        wanted = ["%s-%s.%s" % (patch.name, patch.version, patch.arch) for patch in patches]
        argv = [*self._quiet(), *["--exclude=" + each for each in barred], "install", *wanted]
        try:
            ran = self._patiently(argv)
        except trouble.Trouble as wrong:
            return Attempt(wrong.kind, str(wrong))
        if ran.code == 0:
            return Attempt()
        failed = trouble.read("dnf install", ran.code, ran.said)
        return Attempt(failed.kind, str(failed))

    def _quiet(self) -> List[str]:
        argv = [self._dnf, "-y", "--setopt=exit_on_lock=1", "--setopt=*.skip_if_unavailable=0"]
        return argv + (["--setopt=reposdir=" + self._reposdir] if self._reposdir else [])

    def _patiently(self, argv: List[str]) -> programs.Ran:
        return programs.patiently(lambda: programs.follow(argv), "dnf", self._settings.lock_wait_s)

    def _asked(self, **wanted: Any) -> Dict[str, Any]:
        """What `dnf_query` finds, in dnf's own Python. Trouble when a repository cannot be read."""
        asked = json.dumps(dict(wanted, reposdir=self._reposdir))
        argv = [_python_of(self._dnf), *_this_code(), "dnf-query", asked]
        ran = programs.patiently(lambda: programs.ask(argv), "dnf", self._settings.lock_wait_s)
        if ran.code != 0:
            raise trouble.read("dnf", ran.code, ran.errors)
        found: Dict[str, Any] = json.loads(ran.said[ran.said.index("{") :])
        return found


def _package(found: Dict[str, Any]) -> Package:
    return Package(
        _patch(found),
        tuple(_patch(each) for each in found["newer"]),
        int(found["installed_s"]) * 1000,
        bool(found["held"]),
        bool(found["broken"]),
    )


def _patch(found: Dict[str, Any]) -> Patch:
    advisories = tuple(found["advisories"])
    # The advisory's date; without one, when the package was built.
    released_s = found.get("updated_s") or found.get("built_s") or 0
    return Patch(
        found["name"],
        found["arch"],
        found["version"],
        classification=found.get("classification", ""),
        severity=found.get("severity", ""),
        has_notice=bool(advisories),
        is_security=found.get("classification") == "Security",
        released_ms=released_s * 1000 or None,
        advisories=advisories,
        bugs=tuple(found.get("bugs", ())),
        cves=tuple(found.get("cves", ())),
        repository=found["repository"],
    )


def _python_of(program: str) -> str:
    """The interpreter that dnf itself runs with, which has its library."""
    try:
        with open(program, "rb") as file:
            first = file.readline(200).decode("utf-8", "replace").strip()
    except OSError:
        first = ""
    if first.startswith("#!") and "python" in first and os.path.exists(first[2:].split()[0]):
        return first[2:].split()[0]
    return next((each for each in INTERPRETERS if os.path.exists(each)), sys.executable)


def _this_code() -> List[str]:
    """How to run this payload again: the archive that it is."""
    return [os.path.abspath(sys.argv[0])]
