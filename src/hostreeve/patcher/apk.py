"""apk: Alpine. Its repositories tell neither what a version is for nor when it came."""

import os
from typing import List, Sequence, Set, Tuple

from hostreeve.patcher import apk_reading, names, programs, trouble
from hostreeve.patcher.model import APK, Host, Package, Patch, Wanted
from hostreeve.patcher.packager import Attempt, Packager, Settings

DATABASES = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
WORLD = "/etc/apk/world"
GONE = ("WARNING: ", "ERROR: ")
REMOVING = ("Purging", "Downgrading")


class Apk(Packager):
    """The host's apk. The baseline's sources, when it has any, are the only repositories of a run."""

    family = APK

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options: List[str] = []
        self._failed: Set[str] = set()
        if settings.sources:
            path = os.path.join(settings.state, "apk-repositories")
            with open(path, "w", encoding="utf-8") as file:
                file.write("".join(source.configuration.strip() + "\n" for source in settings.sources))
            self._options = ["--repositories-file", path]

    def refresh(self) -> None:
        ran = self._patiently(["update"], is_shown=False)
        said = ran.said + ran.errors
        # A repository that cannot be loaded is a warning to apk.
        if ran.code != 0 or any(line.lstrip().startswith(GONE) for line in said.splitlines()):
            wrong = next((line for line in said.splitlines() if line.lstrip().startswith(GONE)), said)
            sentence = "apk update failed (%s): %s" % (trouble.REPOSITORY, trouble.shown(wrong))
            raise trouble.Trouble(trouble.REPOSITORY, sentence)

    def host(self, product: str) -> Host:
        entries = _entries()
        candidates = {patch.name: patch for patch in apk_reading.listed(self._answer("list", "--upgradable"))}
        known = apk_reading.repositories(self._answer("policy", *[entry.name for entry in entries]))
        held = apk_reading.pinned(_text(WORLD))
        packages = []
        for entry in entries:
            current = Patch(entry.name, entry.arch, entry.version)
            current = current._replace(repository=known.get((entry.name, entry.version), ""))
            newer = candidates.get(entry.name)
            if newer is not None:
                newer = newer._replace(arch=entry.arch, repository=known.get((entry.name, newer.version), ""))
            found = (newer,) if newer is not None else ()
            is_broken = entry.is_broken or entry.name + "-" + entry.version in self._failed
            packages.append(Package(current, found, 0, entry.name in held, is_broken))
        return Host(APK, product, tuple(packages))

    def offers(self, wanted: Sequence[Wanted]) -> Tuple[Patch, ...]:
        there = {entry.name for entry in _entries()}
        listed = apk_reading.listed(self._answer("list", "--available"))
        return tuple(each for each in listed if each.name not in there and names.wants(wanted, each))

    def repair(self) -> str:
        if not any(entry.is_broken for entry in _entries()):
            return ""
        print("an earlier installation was cut off; finishing it", flush=True)
        ran = self._patiently(["fix"])
        left = [entry.name for entry in _entries() if entry.is_broken]
        if not left:
            return ""
        return "%s cannot be repaired: %s" % (
            ", ".join(left[:5]),
            trouble.read("apk fix", ran.code, ran.said),
        )

    def install(self, patches: Sequence[Patch], barred: Sequence[str]) -> Attempt:
        there = {entry.name for entry in _entries()}
        asked_for = set(_text(WORLD).split())
        # `add` keeps the world as it is for names that stand in it; what came with others stays out of it by
        # `fix`, which cannot replace a broken package whose version no repository has any more.
        inside = [patch for patch in patches if patch.name not in there or patch.name in asked_for]
        outside = [patch for patch in patches if patch not in inside]
        for words, some in ((["add", "--upgrade"], inside), (["fix", "--upgrade"], outside)):
            went = self._install(words, some, barred) if some else Attempt()
            if not went.is_good:
                return went
        return Attempt()

    def _install(self, words: List[str], patches: Sequence[Patch], barred: Sequence[str]) -> Attempt:
        wanted = [patch.name for patch in patches]
        try:
            plan = self._patiently([*words, "--simulate", *wanted], is_shown=False)
            # A package that is broken now is an error of the plan, too, even if the plan makes it good.
            if plan.code != 0 and not apk_reading.steps(plan.said):
                failed = trouble.read("apk", plan.code, plan.said + plan.errors)
                return Attempt(failed.kind, str(failed))
            refused = _refused(plan.said, patches, barred)
            if refused:
                return Attempt(trouble.DEPENDENCY, refused)
            ran = self._patiently([*words, *wanted])
        except trouble.Trouble as wrong:
            return Attempt(wrong.kind, str(wrong))
        if ran.code == 0:
            return Attempt()
        failed = trouble.read("apk", ran.code, ran.said)
        # apk would call a package whose script failed whole if it were asked for it again.
        scripts = apk_reading.failed_scripts(ran.said)
        self._failed.update(scripts)
        return Attempt(trouble.SCRIPT if scripts else failed.kind, str(failed))

    def _answer(self, *words: str) -> str:
        """Of the lists that `refresh` has loaded."""
        ran = self._patiently(["--no-network", *words], is_shown=False)
        if ran.code != 0:
            raise trouble.read("apk", ran.code, ran.said + ran.errors)
        return ran.said

    def _patiently(self, words: List[str], *, is_shown: bool = True) -> programs.Ran:
        argv = ["apk", *self._options, *words]
        run = programs.follow if is_shown else programs.ask
        return programs.patiently(lambda: run(argv), "apk", self._settings.lock_wait_s)


def _refused(plan: str, patches: Sequence[Patch], barred: Sequence[str]) -> str:
    """Why this transaction is not for us; empty when it is."""
    versions = {patch.name: patch.version for patch in patches}
    for what, name, version in apk_reading.steps(plan):
        if what in REMOVING:
            return "it would remove or downgrade %s" % name
        if any(names.matches(pattern, name) for pattern in barred):
            return "it depends on the rejected %s" % name
        if versions.get(name, version) != version:
            return "apk would install %s %s and not %s" % (name, version, versions[name])
    return ""


def _entries() -> List[apk_reading.Entry]:
    return apk_reading.installed(next((text for text in map(_text, DATABASES) if text), ""))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
