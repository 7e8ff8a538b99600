"""A Debian host, scanned and patched for real."""

import pytest

from tests.hosts.debian import Deb, Repository, debian, install, versions
from tests.hosts.host import needs
from tests.hosts.payload import baseline, patch, rule

OLD = [
    Deb("openssl", "3.0.1", arch="amd64", priority="important", section="utils"),
    Deb("editor", "1.0", priority="optional", section="editors"),
    Deb("telnet", "0.17", priority="standard", section="net"),
    Deb("quiet", "1.0", section="misc"),
]
SECURITY = [
    Deb("openssl", "3.0.2", arch="amd64", priority="important", section="utils"),
    Deb("telnet", "0.18", priority="standard", section="net"),
]
UPDATES = [Deb("editor", "1.1", section="editors")]
BY_SECURITY = baseline(rule(level="CRITICAL", priority=["Important", "Standard"]))
EVERYTHING = baseline(rule(non_security=True, product=["*"]))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    made = Repository(tmp_path_factory.mktemp("archive"))
    made.suite("bookworm", OLD)
    made.suite("bookworm-updates", UPDATES)
    made.suite("bookworm-security", SECURITY, label="Debian-Security")
    return made


@pytest.fixture
def host(tmp_path, repository):
    made = debian(tmp_path, repository)
    install(made, "openssl=3.0.1", "editor=1.0", "telnet=0.17", "quiet")
    yield made
    made.close()


def test_a_scan_tells_missing_security_updates_from_the_rest(host):
    scanned = patch(host, "Scan", BY_SECURITY)

    assert scanned.code == 0
    assert scanned.states == {
        "openssl.amd64": "Missing",
        "telnet.all": "Missing",
        "editor.all": "InstalledOther",
        "quiet.all": "InstalledOther",
    }
    assert scanned.rows["openssl.amd64"]["Title"] == "openssl.amd64:3.0.2"
    assert scanned.rows["openssl.amd64"]["Severity"] == "CRITICAL"
    assert scanned.summary["MissingCount"] == "2"
    assert scanned.summary["SecurityNonCompliantCount"] == "2"
    assert scanned.decisions["editor.all:1.1"] == "NOT_SELECTED: no rule approves it"
    assert versions(host)["openssl"] == "3.0.1 ii", "a scan installs nothing"


def test_an_install_asks_for_a_restart_and_says_so_until_there_was_one(host):
    installed = patch(host, "Install", BY_SECURITY)

    assert installed.code == 194
    assert installed.states["openssl.amd64"] == "InstalledPendingReboot"
    assert installed.summary["FailedCount"] == "0"
    assert versions(host) == {
        "openssl": "3.0.2 ii",
        "telnet": "0.18 ii",
        "editor": "1.0 ii",
        "quiet": "1.0 ii",
    }
    host.reboot()
    again = patch(host, "Install", BY_SECURITY)
    assert again.code == 0
    assert again.states["openssl.amd64"] == "Installed"
    assert again.summary["InstalledPendingRebootCount"] == "0"
    assert again.summary["SnapshotId"] == installed.summary["SnapshotId"], "it is the same run"
