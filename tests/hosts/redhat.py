"""RPM packages, their repositories with advisories, and hosts of dnf's family, made on the spot."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from tests.hosts.host import Host

OS_RELEASE = 'NAME="Rocky Linux"\nID="rocky"\nVERSION_ID="9.4"\nPRETTY_NAME="Rocky Linux 9.4"\n'
OWN = ("/var/lib/rpm", "/etc/dnf", "/etc/yum.repos.d", "/var/cache/dnf", "/var/lib/dnf", "/var/log/dnf-own")
_SPEC = """
Name: {name}
Version: {version}
Release: {release}
{epoch}Summary: {name} for tests
License: MIT
BuildArch: {arch}
{requires}
%description
For tests.
%install
{install}
%files
{files}
{scripts}
"""


class Rpm(NamedTuple):
    """A package to build. `files`: content by path; `config`: which of them are noreplace; `scripts`: by name
    (pre, post, …)."""

    name: str
    version: str
    release: str = "1"
    epoch: int = 0
    arch: str = "noarch"
    requires: str = ""
    files: tuple[tuple[str, str], ...] = ()
    config: tuple[str, ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()
    obsoletes: str = ""
    provides: str = ""

    @property
    def nevra(self) -> str:
        return f"{self.name}-{self.epoch}:{self.version}-{self.release}.{self.arch}"


class Advisory(NamedTuple):
    """One notice of updateinfo.xml."""

    id: str
    kind: str
    rpms: tuple[Rpm, ...]
    severity: str = ""
    updated: str = "2026-11-01 00:00:00"
    cves: tuple[str, ...] = ()
    bugs: tuple[str, ...] = ()
    reboot: bool = False


def build(rpm: Rpm, folder: Path) -> Path:
    """The .rpm file."""
    requires = f"Requires: {rpm.requires}\n" if rpm.requires else ""
    requires += f"Provides: {rpm.provides}\n" if rpm.provides else ""
    requires += f"Obsoletes: {rpm.obsoletes}\n" if rpm.obsoletes else ""
    install = []
    for path, content in rpm.files:
        install.append(
            f"mkdir -p %{{buildroot}}$(dirname {path})\ncat > %{{buildroot}}{path} <<'END'\n{content}\nEND"
        )
    files = [f"%config(noreplace) {path}" if path in rpm.config else path for path, _ in rpm.files]
    spec = folder / f"{rpm.name}-{rpm.version}-{rpm.release}.spec"
    folder.mkdir(parents=True, exist_ok=True)
    spec.write_text(
        _SPEC.format(
            name=rpm.name,
            version=rpm.version,
            release=rpm.release,
            epoch=f"Epoch: {rpm.epoch}\n" if rpm.epoch else "",
            arch=rpm.arch,
            requires=requires,
            install="\n".join(install),
            files="\n".join(files),
            scripts="\n".join(f"%{name}\n{text}" for name, text in rpm.scripts),
        )
    )
    argv = [
        "rpmbuild",
        "-bb",
        "--quiet",
        "--define",
        f"_topdir {folder}/top",
        "--define",
        f"_rpmdir {folder}",
    ]
    argv += ["--define", "_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm", str(spec)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / f"{rpm.name}-{rpm.version}-{rpm.release}.{rpm.arch}.rpm"


class YumRepository:
    """A repository; `url` is how the host reaches it."""

    def __init__(self, folder: Path, name: str = "base", url: str = "") -> None:
        self.folder, self.name, self.url = folder, name, url or f"file://{folder}"

    def publish(self, rpms: list[Rpm], advisories: list[Advisory] | None = None) -> None:
        """These packages and notices, in place of what it had."""
        shutil.rmtree(self.folder / "repodata", ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        pool = self.folder.parent / "built"
        wanted = set()
        for rpm in rpms:
            file = pool / f"{rpm.name}-{rpm.version}-{rpm.release}.{rpm.arch}.rpm"
            if not file.exists():
                build(rpm, pool)
            wanted.add(file.name)
            shutil.copy(file, self.folder / file.name)
        for file in self.folder.glob("*.rpm"):
            if file.name not in wanted:
                file.unlink()
        self.index(advisories)

    def index(self, advisories: list[Advisory] | None = None) -> None:
        """Make the repository's lists of what lies in its folder."""
        _quietly("createrepo_c", "--quiet", str(self.folder))
        if advisories is not None:
            notices = self.folder.parent / "updateinfo.xml"
            notices.write_text(updateinfo(advisories))
            _quietly("modifyrepo_c", str(notices), str(self.folder / "repodata"))

    def configuration(self, more: str = "") -> str:
        return f"[{self.name}]\nname={self.name}\nbaseurl={self.url}\nenabled=1\ngpgcheck=0\n{more}"


def updateinfo(advisories: list[Advisory]) -> str:
    return "<updates>\n" + "".join(_update(each) for each in advisories) + "</updates>\n"


def _update(advisory: Advisory) -> str:
    kinds = [("cve", each) for each in advisory.cves] + [("bugzilla", each) for each in advisory.bugs]
    references = "".join(f'<reference href="http://x/{i}" id="{i}" type="{kind}"/>' for kind, i in kinds)
    severity = f"<severity>{advisory.severity}</severity>" if advisory.severity else ""
    updated = f'<updated date="{advisory.updated}"/>' if advisory.updated else ""
    packages = "".join(_update_package(rpm, advisory.reboot) for rpm in advisory.rpms)
    return (
        f'<update from="tests@example.com" status="final" type="{advisory.kind}" version="1">'
        f"<id>{advisory.id}</id><title>{escape(advisory.id)}</title>{severity}"
        f'<issued date="{advisory.updated or "2026-11-01 00:00:00"}"/>{updated}'
        f"<references>{references}</references>"
        f'<pkglist><collection short="c"><name>c</name>{packages}</collection></pkglist></update>\n'
    )


def _update_package(rpm: Rpm, reboot: bool) -> str:
    suggested = "<reboot_suggested>1</reboot_suggested>" if reboot else ""
    return (
        f'<package name="{rpm.name}" version="{rpm.version}" release="{rpm.release}" epoch="{rpm.epoch}" '
        f'arch="{rpm.arch}"><filename>{rpm.name}-{rpm.version}-{rpm.release}.{rpm.arch}.rpm</filename>'
        f"{suggested}</package>"
    )


def redhat(
    folder: Path, *repositories: YumRepository, os_release: str = OS_RELEASE, size: str = "256m"
) -> Host:
    """A host with an empty package database that knows these repositories."""
    host = Host(folder, os_release, OWN, size)
    host.write("/etc/rpm/macros.tests", "%_dbpath /var/lib/rpm\n")
    host.write("/etc/rpm/macros", "%_dbpath /var/lib/rpm\n")
    host.write("/etc/dnf/dnf.conf", "[main]\ngpgcheck=0\nkeepcache=0\nmetadata_expire=0\nplugins=0\n")
    host.write("/etc/dnf/vars/releasever", "9\n")
    for repository in repositories:
        host.write(f"/etc/yum.repos.d/{repository.name}.repo", repository.configuration())
    host.run("rpmdb", "--initdb")
    return host


def install(host: Host, *rpms: Rpm) -> None:
    """By the administrator, not by Patch Manager."""
    host.run("dnf", "-y", "-q", "install", *(rpm.nevra for rpm in rpms))


def versions(host: Host) -> dict[str, str]:
    """What is installed, by name; of what is there twice, both."""
    said = host.run("rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n").stdout
    found: dict[str, str] = {}
    for line in sorted(said.splitlines()):
        name, version = line.split()
        found[name] = f"{found[name]} and {version}" if name in found else version
    return found


def _quietly(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
