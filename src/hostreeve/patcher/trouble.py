"""What a package manager's failure was, read from what it said. The words are those of LC_ALL=C."""

import re
from typing import NamedTuple

LOCKED = "locked"
DISK_FULL = "disk full"
NETWORK = "network"
REPOSITORY = "repository"
DEPENDENCY = "dependency"
BROKEN = "broken"
OTHER = "other"


class Trouble(Exception):
    """Why something could not be done, in one sentence; `kind` is one of the words above."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Sign(NamedTuple):
    """What a kind of trouble looks like in a package manager's output."""

    kind: str
    pattern: str


SIGNS = (
    Sign(
        DISK_FULL, r"No space left on device|don't have enough free space|At least \d+\w* more space needed"
    ),
    Sign(
        DISK_FULL, r"needs? \d+\S* ?[KMGB]\w* (?:more space )?on the / filesystem|not enough (?:free )?space"
    ),
    Sign(LOCKED, r"Could not get lock|Unable to acquire the dpkg|is locked by another process"),
    Sign(
        LOCKED, r"Failed to obtain the transaction lock|System management is locked|Unable to lock database"
    ),
    Sign(LOCKED, r"Another app is currently holding|already running as process|can't create .*lock"),
    Sign(
        NETWORK,
        r"Could not connect|Temporary failure resolving|Could not resolve|Connection (?:failed|refused)",
    ),
    Sign(
        NETWORK,
        r"Curl error|Connection timed out|timed out|connection (?:broke|reset|lost)|Timeout was reached",
    ),
    Sign(NETWORK, r"Error reading from server|Remote end closed|Network is unreachable|Unexpected size"),
    Sign(REPOSITORY, r"is not signed|NO_PUBKEY|Hash Sum mismatch|does not have a Release file|GPG error"),
    Sign(
        REPOSITORY, r"Failed to (?:fetch|download)|Unable to fetch|Cannot download|Error downloading packages"
    ),
    Sign(
        REPOSITORY,
        r"Skipping repository .* because|BAD signature|UNTRUSTED|Malformed|cannot be read|Valid-Until",
    ),
    Sign(
        DEPENDENCY, r"unmet dependencies|held broken packages|Packages need to be removed|pkgProblemResolver"
    ),
    Sign(DEPENDENCY, r"Held packages were changed|nothing provides|conflicting requests|Depsolve Error"),
    Sign(
        DEPENDENCY, r"Problem: |unable to select packages|cannot install both|has no installation candidate"
    ),
    Sign(BROKEN, r"dpkg was interrupted|Sub-process .* returned an error code|error processing package"),
    Sign(BROKEN, r"scriptlet failed|Error in .* scriptlet|post-(?:install|upgrade) script .*exited with"),
)
_SIGNS = tuple((sign.kind, re.compile(sign.pattern, re.IGNORECASE)) for sign in SIGNS)
_NOISE = re.compile(r"^(?:\s*$|Reading |Building |Get:|Hit:|Ign:|\(Reading|N: |Refresh|Load)")


def read(program: str, code: int, said: str) -> Trouble:
    """The trouble that a program ended with. The most telling sign decides, not the first."""
    lines = [line.strip() for line in said.splitlines() if not _NOISE.match(line)]
    for kind, pattern in _SIGNS:
        for line in lines:
            if pattern.search(line):
                return Trouble(kind, "%s failed (%s): %s" % (program, kind, shown(line)))
    last = shown(lines[-1]) if lines else "it said nothing"
    return Trouble(OTHER, "%s failed with exit code %d: %s" % (program, code, last))


def shown(line: str) -> str:
    """A line of foreign output, fit for a message: short, without control characters, without secrets in
    URLs."""
    printable = "".join(char if char.isprintable() else " " for char in line)
    return re.sub(r"//[^/@\s]+@", "//***@", printable).strip()[:300]
