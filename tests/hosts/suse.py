"""Hosts of SUSE's family; packages and repositories are those of `tests.hosts.redhat`."""

from pathlib import Path

from tests.hosts.host import Host
from tests.hosts.redhat import Rpm, YumRepository

OS_RELEASE = 'NAME="SLES"\nID="sles"\nVERSION_ID="15.5"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP5"\n'
OWN = ("/var/lib/rpm", "/etc/zypp", "/var/cache/zypp", "/var/lib/zypp", "/var/log/zypp")


def suse(folder: Path, *repositories: YumRepository) -> Host:
    """A host with an empty package database that knows these repositories."""
    host = Host(folder, OS_RELEASE, OWN)
    host.write("/etc/rpm/macros", "%_dbpath /var/lib/rpm\n")
    host.write("/etc/zypp/zypp.conf", "[main]\n")
    for repository in repositories:
        host.write(f"/etc/zypp/repos.d/{repository.name}.repo", repository.configuration("autorefresh=1\n"))
    host.run("rpmdb", "--initdb")
    return host


def install(host: Host, *rpms: Rpm) -> None:
    """By the administrator, not by Patch Manager."""
    wanted = [f"{rpm.name}={rpm.version}-{rpm.release}" for rpm in rpms]
    host.run("zypper", "--non-interactive", "install", *wanted)
