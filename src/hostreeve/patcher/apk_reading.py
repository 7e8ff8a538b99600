"""What apk says, read: pure functions from its output and its database to values."""

import re
from typing import Dict, List, NamedTuple, Set, Tuple

from hostreeve.patcher.model import Patch

_LISTED = re.compile(r"(?P<name>\S+)-(?P<version>\d[^\s-]*-r\d+) (?P<arch>\S+) (?P<rest>.*)\Z")
_STEP = re.compile(r"\(\d+/\d+\) (?P<what>\w+) (?P<name>\S+) \((?P<versions>[^)]*)\)")
_FAILED_SCRIPT = re.compile(r"ERROR: (\S+-r\d+)\.\S+: script exited with")
_PINNED = re.compile(r"([^\s<>=~@!]+)(?:@\S+)?\s*[<>=~]")


class Entry(NamedTuple):
    """One package of apk's database. `is_broken`: files or a script of it went wrong."""

    name: str
    version: str
    arch: str
    is_broken: bool


def installed(text: str) -> List[Entry]:
    """Of /lib/apk/db/installed."""
    found = []
    for block in text.split("\n\n"):
        members = {}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if colon and name not in members:
                members[name] = value
        if members.get("P"):
            found.append(Entry(members["P"], members.get("V", ""), members.get("A", ""), "f" in members))
    return found


def listed(text: str) -> List[Patch]:
    """Of `apk list`: packages as it offers them."""
    found = []
    for line in text.splitlines():
        matched = _LISTED.match(line)
        if matched:
            found.append(Patch(matched.group("name"), matched.group("arch"), matched.group("version")))
    return found


def repositories(text: str) -> Dict[Tuple[str, str], str]:
    """Of `apk policy NAME…`: by name and version, the first repository that has it."""
    found: Dict[Tuple[str, str], str] = {}
    name = version = ""
    for line in text.splitlines():
        if line.endswith(" policy:"):
            name = line[: -len(" policy:")]
        elif line.startswith("    ") and not line.strip().startswith("lib/apk/db"):
            found.setdefault((name, version), line.strip())
        elif line.startswith("  ") and line.endswith(":"):
            version = line.strip()[:-1]
    return found


def pinned(world: str) -> Set[str]:
    """Of /etc/apk/world: names that the administrator keeps at a version."""
    matched = (_PINNED.match(each) for each in world.split())
    return {each.group(1) for each in matched if each}


def failed_scripts(text: str) -> Set[str]:
    """Of an installation: the packages, with version, of which a script failed."""
    return set(_FAILED_SCRIPT.findall(text))


def steps(text: str) -> List[Tuple[str, str, str]]:
    """Of `--simulate`: what would be done (`Upgrading`, `Purging`, …), to which package, to which version."""
    return [
        (each.group("what"), each.group("name"), each.group("versions").split(" ")[-1])
        for each in map(_STEP.match, text.splitlines())
        if each
    ]
