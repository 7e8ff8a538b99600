"""What a package manager's failure was, read from what it said. The words are those of LC_ALL=C."""

import re

LOCKED = "locked"
DISK_FULL = "disk full"
NETWORK = "network"
REPOSITORY = "repository"
DEPENDENCY = "dependency"
BROKEN = "broken"
SCRIPT = "script"
"""A package is there, but a script of its own failed: trying it once more alone tells nothing new."""
OTHER = "other"


class Trouble(Exception):
    """Why something could not be done, in one sentence; `kind` is one of the words above."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


SIGNS = (
    (
        DISK_FULL,
        ("No space left on device", "don't have enough free space", r"needs \d+\S* ?\w* (?:more space )?on"),
    ),
    (DISK_FULL, (r"At least \d+\S* more space needed", "not enough free space", "Not enough space")),
    (LOCKED, ("Could not get lock", "Unable to acquire the dpkg", "is locked by another process")),
    (LOCKED, ("Failed to obtain the transaction lock", "System management is locked", "is already running")),
    (LOCKED, ("Unable to lock database", "Another app is currently holding", "can't create .*lock")),
    (NETWORK, ("Could not connect", "Temporary failure resolving", "Could not resolve", "Connection failed")),
    (NETWORK, ("Connection refused", "Curl error", "timed out", "Timeout was reached", "Remote end closed")),
    (NETWORK, ("Error reading from server", "Network is unreachable", "unexpected size", "Connection reset")),
    (
        REPOSITORY,
        (r"^E: .*Hash Sum mismatch", r"^E: .*is not signed", "NO_PUBKEY", "GPG error", "BAD signature"),
    ),
    (
        REPOSITORY,
        ("does not have a Release file", "Failed to fetch", "Failed to download", "Unable to fetch"),
    ),
    (REPOSITORY, ("Hash Sum mismatch", "Cannot download", "Error downloading", "Skipping repository")),
    (REPOSITORY, ("UNTRUSTED", "Malformed", "Valid-Until", "Valid metadata not found", "could not be read")),
    (
        DEPENDENCY,
        (r"Depends: .* but", r"(?:Conflicts|Breaks): .* but", "nothing provides", "filtered out by exclude"),
    ),
    (DEPENDENCY, ("unmet dependencies", "held broken packages", "Packages need to be removed")),
    (DEPENDENCY, ("Held packages were changed", "conflicting requests", "Problem: ", "cannot install both")),
    (DEPENDENCY, ("unable to select packages", "has no installation candidate", "Unable to find a match")),
    (BROKEN, ("dpkg was interrupted", "error processing package", "returned an error code")),
    (BROKEN, ("scriptlet failed", "Error in .* scriptlet", r"script .*exited with")),
)
"""What each kind looks like, the most telling first."""
LOCK_CODES = (("dnf", 200), ("zypper", 7))
_SIGNS = tuple((kind, re.compile("|".join(signs), re.IGNORECASE)) for kind, signs in SIGNS)
_NOISE = re.compile(r"^(?:\s*$|Reading |Building |Get:|Hit:|Ign:|\(Reading|N: |Refresh|Load)")


def read(program: str, code: int, said: str) -> Trouble:
    """The trouble that a program ended with. The most telling sign decides, not the first."""
    lines = [line.strip() for line in said.splitlines() if not _NOISE.match(line)]
    for kind, pattern in _SIGNS:
        for line in lines:
            if pattern.search(line):
                return Trouble(kind, "%s failed (%s): %s" % (program, kind, shown(line)))
    if (program.split()[0], code) in LOCK_CODES:
        return Trouble(
            LOCKED, "%s failed (%s): another %s is running" % (program, LOCKED, program.split()[0])
        )
    last = shown(lines[-1]) if lines else "it said nothing"
    return Trouble(OTHER, "%s failed with exit code %d: %s" % (program, code, last))


def shown(line: str) -> str:
    """A line of foreign output, fit for a message: short, without control characters, without secrets in
    URLs."""
    printable = "".join(char if char.isprintable() else " " for char in line)
    return re.sub(r"//[^/@\s]+@", "//***@", printable).strip()[:300]
