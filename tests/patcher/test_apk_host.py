"""An Alpine host, scanned and patched for real, where apk is installed."""

import pytest

from tests.hosts.alpine import Apk, ApkRepository, alpine, install, versions
from tests.hosts.host import needs
from tests.hosts.payload import baseline, patch, rule

pytestmark = pytest.mark.slow

OLD = [Apk("library", "1.0-r0"), Apk("parent", "1.0-r0", depends=("library",)), Apk("editor", "1.0-r0")]
NEW = [Apk("library", "1.1-r0"), Apk("editor", "1.0-r1"), Apk("parent", "1.1-r0", depends=("library>=1.1",))]
EVERYTHING = baseline(rule(non_security=True, product=["*"]))


@pytest.fixture
def repository(tmp_path):
    needs("unshare", "nsenter", "apk", "openssl")
    made = ApkRepository(tmp_path / "main")
    made.publish(OLD)
    return made


@pytest.fixture
def host(tmp_path, repository):
    made = alpine(tmp_path, repository)
    install(made, "library", "parent", "editor")
    repository.publish([*OLD, *NEW, Apk("spare", "2.0-r0")])
    yield made
    made.close()


def test_nothing_is_a_security_update_here_so_others_must_be_asked_for(host):
    assert patch(host, "Scan", baseline(rule(product=["*"]))).summary["MissingCount"] == "0"
    found = patch(host, "Scan", EVERYTHING)
    assert found.code == 0, found.error
    assert set(found.states.values()) == {"Missing"}
    assert found.rows["editor.x86_64"]["Title"] == "editor.x86_64:1.0-r1"


def test_an_install_leaves_what_the_administrator_asked_for_as_it_was(host):
    done = patch(host, "Install", EVERYTHING)
    assert done.code == 194, (done.error, done.said)
    assert versions(host) == {"library": "1.1-r0", "parent": "1.1-r0", "editor": "1.0-r1"}
    assert host.read("/etc/apk/world").split() == ["editor", "library", "parent"]
    host.reboot()
    again = patch(host, "Install", EVERYTHING)
    assert again.code == 0 and set(again.states.values()) == {"Installed"}


def test_a_blocked_package_does_not_come_as_a_dependency(host):
    listed = {"approvedPatches": ["parent", "editor"], "approvedPatchesEnableNonSecurity": True}
    blocking = baseline(rejectedPatches=["library"], rejectedPatchesAction="BLOCK", **listed)
    done = patch(host, "Install", blocking, reboot_option="NoReboot")
    assert done.code == 2 and "rejected library" in done.error, (done.error, done.said)
    assert versions(host) == {"library": "1.0-r0", "parent": "1.0-r0", "editor": "1.0-r1"}
    assert done.states["library.x86_64"] == "InstalledRejected"
    assert done.states["parent.x86_64"] == "Failed"


def test_a_pinned_package_is_held(host):
    host.write("/etc/apk/world", "editor=1.0-r0\nlibrary\nparent\n")
    done = patch(host, "Install", EVERYTHING, reboot_option="NoReboot")
    assert versions(host)["editor"] == "1.0-r0"
    assert versions(host)["parent"] == "1.1-r0", (done.error, done.said)


def test_a_list_installs_what_is_not_there(host):
    host.write("/root/list", "patches:\n  - id: spare.x86_64\n")
    done = patch(host, "Install", EVERYTHING, install_override_list="/root/list", reboot_option="NoReboot")
    assert done.code == 0, (done.error, done.said)
    assert versions(host)["spare"] == "2.0-r0" and versions(host)["editor"] == "1.0-r0"


def test_a_repository_that_is_gone_is_no_compliance(host):
    host.write("/etc/apk/repositories", "/not/there\n")
    done = patch(host, "Scan", EVERYTHING)
    assert done.code == 1 and done.report is None and "/not/there" in done.error


def test_a_script_that_fails_is_no_success(host, repository):
    files = (("/usr/share/editor", "x"),)
    broken = Apk("editor", "1.1-r0", files=files, scripts=((".post-upgrade", "exit 3"),))
    repository.publish([*OLD, *NEW, broken])
    done = patch(host, "Install", EVERYTHING, reboot_option="NoReboot")
    assert done.code == 1 and done.states["editor.x86_64"] == "Failed", (done.error, done.said)
    assert done.states["library.x86_64"] == "InstalledPendingReboot"
    assert patch(host, "Scan", EVERYTHING).states["editor.x86_64"] == "Missing"
    repository.publish([*OLD, *NEW, Apk("editor", "1.2-r0", files=files)])
    done = patch(host, "Install", EVERYTHING, reboot_option="NoReboot")
    assert versions(host)["editor"] == "1.2-r0", (done.error, done.said)
    assert done.code == 0, (done.error, done.said)


def test_a_rule_may_mean_one_repository(host):
    found = patch(host, "Scan", baseline(rule(non_security=True, repository=["community"])))
    assert found.summary["MissingCount"] == "0"
    found = patch(host, "Scan", baseline(rule(non_security=True, repository=["main"])))
    assert found.summary["MissingCount"] == "3"
