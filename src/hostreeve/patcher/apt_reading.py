"""What apt and dpkg say, read: pure functions from their output to values."""

from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from hostreeve.patcher.model import Patch

DPKG_FORMAT = (
    "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Abbrev}\\t${Priority}\\t${Section}\\t"
    "${binary:Package}\\n"
)
STATUS_FILE = "/var/lib/dpkg/status"


class Entry(NamedTuple):
    """One line of dpkg's database. `state` is dpkg's second letter: `i` installed, `F` half-configured, …"""

    name: str
    arch: str
    version: str
    state: str
    wish: str
    priority: str
    section: str
    asked_as: str

    @property
    def is_installed(self) -> bool:
        return self.state == "i"

    @property
    def is_halfway(self) -> bool:
        """Unpacked, half-configured, half-installed, or waiting for a trigger."""
        return self.state in "UFHWt"


class Release(NamedTuple):
    """What a repository says of itself."""

    archive: str
    codename: str
    label: str
    origin: str
    component: str

    @property
    def is_security(self) -> bool:
        """Debian's and Ubuntu's security pockets: the suite's name says so, or the label does."""
        names = [name.split("/")[0] for name in (self.archive, self.codename)]
        if any(name.endswith("-security") for name in names):
            return True
        # Debian up to 10 named it `buster/updates`, label Debian-Security.
        return self.label == "Debian-Security"


class Offered(NamedTuple):
    """What apt's policy says of one package: where its candidate comes from, and its installed version."""

    candidate: str
    sources: Tuple[str, ...]
    installed_sources: Tuple[str, ...] = ()


def dpkg_entries(text: str) -> Iterator[Entry]:
    """The lines of `dpkg-query -W -f` with DPKG_FORMAT."""
    for line in text.splitlines():
        name, arch, version, status, priority, section, asked_as = line.split("\t")
        yield Entry(name, arch, version, status[1:2], status[0:1], priority, section, asked_as)


def releases(text: str) -> Dict[str, Release]:
    """Of `apt-cache policy` without a name: by a repository's line, what its release file says."""
    found: Dict[str, Release] = {}
    source = ""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0].lstrip("-").isdigit() and line.startswith(" "):
            source = " ".join(words[1:])
        elif source and words and words[0] == "release":
            found[source] = _release(line.split("release", 1)[1].strip())
        elif line.startswith("Pinned"):
            break
    return found


def policies(text: str) -> Iterator[Tuple[str, Offered]]:
    """Of `apt-cache policy NAME…`: each package as it was printed, with its candidate."""
    blocks: List[List[str]] = []
    for line in text.splitlines():
        if line.startswith(" ") and blocks:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    for name, *lines in blocks:
        yield name.rstrip(":"), _policy(lines)


def _policy(lines: List[str]) -> Offered:
    candidate = ""
    sources: List[str] = []
    installed_sources: List[str] = []
    is_candidate = is_installed = False
    for line in lines:
        if line.startswith("  Candidate: "):
            candidate = line[13:].strip()
        elif line.startswith("        "):
            source = " ".join(line.split()[1:])
            sources += [source] if is_candidate else []
            installed_sources += [source] if is_installed else []
        elif line.startswith(("     ", " *** ")):
            is_candidate = line[5:].split(" ", 1)[0] == candidate
            is_installed = line.startswith(" ***")
    return Offered(candidate, tuple(sources), tuple(installed_sources))


def stanzas(text: str) -> Iterator[Dict[str, str]]:
    """Of `apt-cache show`: the members of each record that have one line, names in lower case."""
    members: Dict[str, str] = {}
    for line in text.splitlines():
        if not line:
            if members:
                yield members
            members = {}
        elif not line.startswith((" ", "\t")) and ":" in line:
            name, _, value = line.partition(":")
            members[name.lower()] = value.strip()
    if members:
        yield members


def described(stanza: Dict[str, str], offered: Offered, known: Dict[str, Release]) -> Patch:
    """The candidate as a patch."""
    places = [known[source] for source in offered.sources if source in known]
    return Patch(
        stanza.get("package", ""),
        stanza.get("architecture", ""),
        stanza.get("version", offered.candidate),
        priority=stanza.get("priority", ""),
        section=stanza.get("section", ""),
        is_security=any(place.is_security for place in places),
        repository=repository(offered.sources),
    )


def repository(sources: Iterable[str]) -> str:
    """The first repository that is one, as `http://host/debian bookworm/main`; empty for dpkg's own file."""
    for source in sources:
        if not source.startswith("/"):
            return " ".join(source.split()[:2])
    return ""


def halfway(entries: Iterable[Entry]) -> List[str]:
    """Names of packages whose installation was cut off."""
    return [entry.asked_as for entry in entries if entry.is_halfway]


def _release(text: str) -> Release:
    members: Dict[str, str] = {}
    last: Optional[str] = None
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals and len(name) == 1:
            members[name] = value
            last = name
        elif last is not None:
            # A comma within a value.
            members[last] += "," + part
    return Release(*(members.get(name, "") for name in "anloc"))
