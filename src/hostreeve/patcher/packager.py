"""What every package manager is asked to do here."""

import os
from typing import Callable, List, NamedTuple, Sequence, Tuple

from hostreeve.patcher import trouble
from hostreeve.patcher.model import Host, Patch, Source, Wanted


class Settings(NamedTuple):
    """`state`: a folder of the payload's own. `lock_wait_s`: how long to wait for another package manager."""

    state: str
    sources: Tuple[Source, ...] = ()
    lock_wait_s: float = 600.0


class Attempt(NamedTuple):
    """How an installation went. `trouble`: the sentence, empty when the package manager was content."""

    kind: str = ""
    sentence: str = ""

    @property
    def is_good(self) -> bool:
        return not self.kind


class Packager:
    """One package manager. All may raise Trouble."""

    family = ""

    def refresh(self) -> None:
        """Load the repositories' lists anew. Trouble when one cannot be loaded: what it has is unknown."""
        raise NotImplementedError

    def host(self, product: str) -> Host:
        """What is installed and what could replace it."""
        raise NotImplementedError

    def offers(self, wanted: Sequence[Wanted]) -> Tuple[Patch, ...]:
        """Versions of packages that are not installed and that a line names, oldest first."""
        raise NotImplementedError

    def repair(self) -> str:
        """Finish what an interrupted installation left half done. What cannot be finished, in one sentence;
        empty when nothing is left."""
        raise NotImplementedError

    def install(self, patches: Sequence[Patch], barred: Sequence[str]) -> Attempt:
        """Install exactly these versions, and none of the packages named in `barred`."""
        raise NotImplementedError


Try = Callable[[List[Patch]], Attempt]


def install_what_can_be(patches: List[Patch], attempt: Try) -> List[Tuple[Patch, Attempt]]:
    """All together; when they cannot be, halves of them, down to single packages, so that one that cannot be
    installed keeps no other from it. What is wrong with the host itself ends it. Returns what failed, with
    the reason."""
    if not patches:
        return []
    went = attempt(patches)
    if went.is_good:
        return []
    if len(patches) == 1 or went.kind not in (trouble.DEPENDENCY, trouble.BROKEN, trouble.OTHER):
        return [(patch, went) for patch in patches]
    middle = len(patches) // 2
    failed = install_what_can_be(patches[:middle], attempt)
    if failed and failed[-1][1].kind in (trouble.DISK_FULL, trouble.LOCKED, trouble.NETWORK):
        return failed + [(patch, failed[-1][1]) for patch in patches[middle:]]
    return failed + install_what_can_be(patches[middle:], attempt)


def repository_files(settings: Settings, name: str) -> str:
    """A folder with a .repo file per source of the baseline, and nothing else."""
    folder = os.path.join(settings.state, name)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    for number, source in enumerate(settings.sources, 1):
        with open(os.path.join(folder, "source-%d.repo" % number), "w", encoding="utf-8") as file:
            file.write(source.configuration.strip() + "\n")
    return folder
