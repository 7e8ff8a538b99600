"""A host of SUSE's family, scanned and patched for real."""

import pytest

from tests.hosts.host import needs
from tests.hosts.payload import baseline, patch, rule
from tests.hosts.redhat import Advisory, Rpm, YumRepository, versions
from tests.hosts.suse import install, suse

OLD = [Rpm(name, "1.0") for name in ("curl", "editor", "quiet", "shell", "parts")]
CURL, CURL_LATER = Rpm("curl", "1.1"), Rpm("curl", "1.2")
PARTS, SHELL, QUIET = Rpm("parts", "1.1"), Rpm("shell", "1.1"), Rpm("quiet", "1.1")
PATCHES = [
    Advisory("SUSE-SLE-2026-1", "security", (CURL, PARTS), "critical", cves=("CVE-2026-1",), bugs=("77",)),
    Advisory("SUSE-SLE-2026-2", "recommended", (SHELL,), "low", reboot=True),
]
PREDEFINED = baseline(rule(7, classification=["Security"], severity=["Critical", "Important"], level="HIGH"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    needs("unshare", "nsenter", "rpmbuild", "createrepo_c", "zypper")
    made = YumRepository(tmp_path_factory.mktemp("suse") / "pool")
    made.publish([*OLD, CURL, CURL_LATER, PARTS, SHELL, QUIET], PATCHES)
    return made


@pytest.fixture
def host(tmp_path, repository):
    made = suse(tmp_path, repository)
    install(made, *OLD)
    yield made
    made.close()


def test_a_scan_judges_by_the_patches(host):
    scanned = patch(host, "Scan", PREDEFINED)

    assert scanned.code == 0, scanned.error
    assert scanned.states == {
        "curl.noarch": "Missing",
        "parts.noarch": "Missing",
        "editor.noarch": "InstalledOther",
        "quiet.noarch": "InstalledOther",
        "shell.noarch": "InstalledOther",
    }
    curl = scanned.rows["curl.noarch"]
    assert (curl["Title"], curl["Severity"]) == ("curl.noarch:0:1.1-1", "HIGH")
    assert (curl["Classification"], curl["PatchSeverity"]) == ("Security", "Critical")
    assert curl["CVEIds"] == "CVE-2026-1"


def test_an_install_takes_the_approved_versions_and_leaves_newer_ones(host):
    installed = patch(host, "Install", PREDEFINED)

    assert installed.code == 194, installed.error
    assert versions(host) == {
        "curl": "1.1-1",
        "parts": "1.1-1",
        "editor": "1.0-1",
        "quiet": "1.0-1",
        "shell": "1.0-1",
    }
    host.reboot()
    again = patch(host, "Install", PREDEFINED)
    assert again.code == 0, again.error
    assert again.states["curl.noarch"] == again.states["parts.noarch"] == "Installed"
