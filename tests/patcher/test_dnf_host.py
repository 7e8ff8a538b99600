"""A host of Red Hat's family, scanned and patched for real."""

import pytest

from tests.hosts.host import needs
from tests.hosts.payload import baseline, patch, rule
from tests.hosts.redhat import Advisory, Rpm, YumRepository, install, redhat, versions

OLD = {name: Rpm(name, "1.0") for name in ("curl", "editor", "quiet", "shell", "kernel-tools")}
CURL, CURL_LATER = Rpm("curl", "1.1"), Rpm("curl", "1.2")
EDITOR, SHELL, QUIET = Rpm("editor", "1.1"), Rpm("shell", "1.1"), Rpm("quiet", "1.1")
NOTICES = [
    Advisory("RLSA-2026:1", "security", (CURL,), "Critical", cves=("CVE-2026-0001",), bugs=("1001",)),
    Advisory("RLBA-2026:2", "bugfix", (EDITOR,)),
    Advisory("RLSA-2026:3", "security", (SHELL,), "Low", updated="2026-11-20 12:00:00"),
]
PREDEFINED = baseline(
    rule(7, classification=["Security"], severity=["Critical", "Important"], level="HIGH"),
    rule(7, classification=["Bugfix"]),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    needs("unshare", "nsenter", "rpmbuild", "createrepo_c", "dnf")
    made = YumRepository(tmp_path_factory.mktemp("yum") / "base")
    made.publish([*OLD.values(), CURL, CURL_LATER, EDITOR, SHELL, QUIET], NOTICES)
    return made


@pytest.fixture
def host(tmp_path, repository):
    made = redhat(tmp_path, repository)
    install(made, *OLD.values())
    yield made
    made.close()


def test_a_scan_judges_by_the_advisories(host):
    scanned = patch(host, "Scan", PREDEFINED)

    assert scanned.code == 0, scanned.error
    assert scanned.states == {
        "curl.noarch": "Missing",
        "editor.noarch": "Missing",
        "kernel-tools.noarch": "InstalledOther",
        "quiet.noarch": "InstalledOther",
        "shell.noarch": "InstalledOther",
    }
    curl = scanned.rows["curl.noarch"]
    assert curl["Title"] == "curl.noarch:0:1.1-1", "the newer one has no advisory"
    assert (curl["Classification"], curl["PatchSeverity"]) == ("Security", "Critical")
    assert (curl["Severity"], curl["CVEIds"]) == ("HIGH", "CVE-2026-0001")
    assert scanned.summary["SecurityNonCompliantCount"] == "1"


def test_an_install_takes_the_approved_version_and_leaves_newer_ones(host):
    installed = patch(host, "Install", PREDEFINED)

    assert installed.code == 194, installed.error
    assert versions(host)["curl"] == "1.1-1"
    assert versions(host)["quiet"] == versions(host)["shell"] == "1.0-1"
    host.reboot()
    again = patch(host, "Install", PREDEFINED)
    assert again.code == 0
    assert again.states["curl.noarch"] == "Installed"
    assert again.states["quiet.noarch"] == "InstalledOther"
