"""Debian packages and their repositories, made on the spot."""

import gzip
import hashlib
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.hosts.host import Host

OS_RELEASE = 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n'
UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\nPRETTY_NAME="Ubuntu 22.04"\n'
OWN = ("/var/lib/dpkg", "/etc/apt", "/var/lib/apt", "/var/cache/apt", "/var/log/apt")


class Deb(NamedTuple):
    """A package to build. `files`: content by path; `scripts`: by name (postinst, …)."""

    name: str
    version: str
    arch: str = "all"
    priority: str = "optional"
    section: str = "utils"
    depends: str = ""
    conflicts: str = ""
    files: tuple[tuple[str, str], ...] = ()
    conffiles: tuple[str, ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()

    def control(self) -> str:
        members = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.arch,
            "Maintainer": "Tests <tests@example.com>",
            "Priority": self.priority,
            "Section": self.section,
            "Depends": self.depends,
            "Conflicts": self.conflicts,
            "Description": f"{self.name} for tests",
        }
        return "".join(f"{name}: {value}\n" for name, value in members.items() if value)


def build(deb: Deb, folder: Path) -> Path:
    """The .deb file."""
    tree = folder / "trees" / f"{deb.name}_{deb.version.replace(':', '%3a')}_{deb.arch}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(deb.control())
    for path, content in deb.files:
        (tree / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tree / path.lstrip("/")).write_text(content)
    if deb.conffiles:
        (tree / "DEBIAN" / "conffiles").write_text("".join(f"{path}\n" for path in deb.conffiles))
    for name, text in deb.scripts:
        script = tree / "DEBIAN" / name
        script.write_text(f"#!/bin/sh\nset -e\n{text}\n")
        script.chmod(0o755)
    built = folder / f"{tree.name}.deb"
    argv = ["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(built)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return built


class Repository:
    """An archive with several suites; `url` is how the host reaches it."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder, self.url = folder, url or f"file:{folder}"
        self.suites: list[str] = []

    def suite(self, name: str, debs: list[Deb], *, label: str = "Debian", codename: str = "") -> None:
        """Publish these packages as a suite, in place of what it had."""
        self.raw(name, "\n".join(self._entry(deb) for deb in debs).encode(), label=label, codename=codename)

    def raw(self, name: str, packages: bytes, *, label: str = "Debian", codename: str = "") -> None:
        """Publish this index of packages as a suite."""
        place = self.folder / "dists" / name / "main" / "binary-amd64"
        place.mkdir(parents=True, exist_ok=True)
        for file, content in (("Packages", packages), ("Packages.gz", gzip.compress(packages, mtime=0))):
            (place / file).write_bytes(content)
        release = (
            f"Origin: Debian\nLabel: {label}\nSuite: {name}\nCodename: {codename or name}\nVersion: 12\n"
        )
        release += (
            "Date: Sun, 29 Nov 2026 00:00:00 UTC\nArchitectures: amd64 all\nComponents: main\nSHA256:\n"
        )
        for file in sorted(place.iterdir()):
            content = file.read_bytes()
            line = f" {hashlib.sha256(content).hexdigest()} {len(content)} main/binary-amd64/{file.name}\n"
            release += line
        (self.folder / "dists" / name / "Release").write_text(release)
        if name not in self.suites:
            self.suites.append(name)

    def sources(self, *suites: str) -> str:
        return "".join(f"deb [trusted=yes] {self.url} {name} main\n" for name in suites or self.suites)

    def _entry(self, deb: Deb) -> str:
        pool = self.folder / "pool"
        built = pool / f"{deb.name}_{deb.version.replace(':', '%3a')}_{deb.arch}.deb"
        if not built.exists():
            pool.mkdir(parents=True, exist_ok=True)
            build(deb, pool)
        content = built.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return deb.control() + f"Filename: pool/{built.name}\nSize: {len(content)}\nSHA256: {digest}\n"


def debian(
    folder: Path,
    repository: Repository,
    *,
    os_release: str = OS_RELEASE,
    size: str = "256m",
    own: tuple[str, ...] = (),
) -> Host:
    """A host with an empty package database that knows this repository."""
    host = Host(folder, os_release, OWN + own, size)
    for name in ("info", "updates", "triggers", "alternatives", "parts"):
        host.path(f"/var/lib/dpkg/{name}").mkdir()
    for name in ("status", "available"):
        host.write(f"/var/lib/dpkg/{name}", "")
    for name in ("apt.conf.d", "preferences.d", "sources.list.d", "trusted.gpg.d"):
        host.path(f"/etc/apt/{name}").mkdir()
    host.path("/var/lib/apt/lists/partial").mkdir(parents=True)
    host.path("/var/cache/apt/archives/partial").mkdir(parents=True)
    host.write("/etc/apt/sources.list", repository.sources())
    # apt drops its rights for downloads; the folder of a test is open to root only.
    host.write("/etc/apt/apt.conf.d/tests", 'APT::Sandbox::User "root";\n')
    return host


def install(host: Host, *wanted: str) -> None:
    """By the administrator, not by Patch Manager."""
    host.run("apt-get", "-q", "update")
    host.run("apt-get", "-y", "-q", "install", *wanted, env={"DEBIAN_FRONTEND": "noninteractive"})


def versions(host: Host) -> dict[str, str]:
    """What is installed, by name: version and dpkg's state."""
    said = host.run("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\\n").stdout
    return {line.split()[0]: " ".join(line.split()[1:]) for line in said.splitlines()}
