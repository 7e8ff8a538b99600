"""AWS's rules about which packages a baseline means, on a real Debian host."""

import json

import pytest

from tests.hosts.debian import UBUNTU, Deb, Repository, debian, install, versions
from tests.hosts.host import needs
from tests.hosts.payload import baseline, patch, rule

pytestmark = pytest.mark.slow

OLD = [
    Deb("openssl", "3.0.1", priority="important"),
    Deb("parent", "1.0", section="net", depends="openssl"),
    Deb("editor", "1.0", section="editors"),
    Deb("both", "1.0"),
    Deb("spare", "2.0", depends="openssl"),
]
SECURITY = [
    Deb("openssl", "3.0.2", priority="important"),
    Deb("parent", "1.1", section="net", depends="openssl (>= 3.0.2)"),
    Deb("both", "1.1"),
]
UPDATES = [Deb("editor", "1.1", section="editors"), Deb("both", "1.2")]
SECURE = baseline(rule(priority=["*"]))
INSTALLED = ("openssl=3.0.1", "parent=1.0", "editor=1.0", "both=1.0")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    made = Repository(tmp_path_factory.mktemp("archive"))
    made.suite("bookworm", OLD)
    made.suite("bookworm-updates", UPDATES)
    made.suite("bookworm-security", SECURITY, label="Debian-Security")
    return made


@pytest.fixture(scope="module")
def scanned_host(tmp_path_factory, repository):
    """One that is only scanned."""
    made = debian(tmp_path_factory.mktemp("host"), repository)
    install(made, *INSTALLED)
    yield made
    made.close()


@pytest.fixture
def host(tmp_path, repository):
    made = debian(tmp_path, repository)
    install(made, *INSTALLED)
    yield made
    made.close()


def test_the_candidate_must_be_in_the_security_pocket(scanned_host):
    scanned = patch(scanned_host, "Scan", SECURE)
    assert scanned.states["both.all"] == "InstalledOther", (
        "a newer version that is none hides the security one"
    )
    assert scanned.decisions["both.all:1.2"] == "NOT_SELECTED: not a security update"


def test_delays_mean_nothing_to_apt(scanned_host):
    scanned = patch(scanned_host, "Scan", baseline(rule(360, priority=["*"])))
    assert scanned.states["openssl.all"] == "Missing"


@pytest.mark.parametrize(
    ("filters", "missing"),
    [
        ({"priority": ["Important"]}, {"openssl.all"}),
        ({"section": ["net"]}, {"parent.all"}),
        ({"section": ["net"], "priority": ["Important"]}, set()),
        ({"product": ["Debian12"]}, {"openssl.all", "parent.all"}),
        ({"product": ["Debian11"]}, set()),
        ({"product": ["*"], "priority": ["Required", "Optional"]}, {"parent.all"}),
    ],
)
def test_filters_are_and_their_values_or(scanned_host, filters, missing):
    scanned = patch(scanned_host, "Scan", baseline(rule(**filters)))
    assert {name for name, state in scanned.states.items() if state == "Missing"} == missing


def test_other_updates_need_to_be_asked_for(scanned_host):
    scanned = patch(scanned_host, "Scan", baseline(rule(non_security=True, section=["editors"])))
    assert scanned.states["editor.all"] == "Missing"
    assert scanned.summary["OtherNonCompliantCount"] == "1"


def test_global_filters_keep_rules_from_packages_but_not_approved_patches(scanned_host):
    keep = {"filters": [{"key": "SECTION", "values": ["net"]}]}
    scanned = patch(scanned_host, "Scan", baseline(rule(priority=["*"]), globalFilters=keep))
    assert scanned.states["openssl.all"] == "InstalledOther"
    assert scanned.decisions["openssl.all:3.0.2"] == "NOT_SELECTED: global filters"
    listed = baseline(approvedPatches=["openssl"], globalFilters=keep, approvedPatchesComplianceLevel="HIGH")
    scanned = patch(scanned_host, "Scan", listed)
    assert scanned.rows["openssl.all"]["PatchState"] == "Missing"
    assert scanned.rows["openssl.all"]["Severity"] == "HIGH"


@pytest.mark.parametrize(("with_others", "state"), [(False, "InstalledOther"), (True, "Missing")])
def test_approved_patches_are_security_updates_unless_others_are_asked_for(scanned_host, with_others, state):
    listed = baseline(approvedPatches=["edit*"], approvedPatchesEnableNonSecurity=with_others)
    assert patch(scanned_host, "Scan", listed).states["editor.all"] == state


def test_rejection_wins(scanned_host):
    listed = baseline(rule(priority=["*"]), approvedPatches=["openssl"], rejectedPatches=["open*"])
    scanned = patch(scanned_host, "Scan", listed)
    assert scanned.states["openssl.all"] == "InstalledOther"
    assert scanned.decisions["openssl.all:3.0.2"] == "REJECTED: rejected patches"
    assert scanned.summary["InstalledRejectedCount"] == "0"


def test_what_is_approved_but_not_here_is_counted_only(scanned_host):
    scanned = patch(scanned_host, "Scan", baseline(approvedPatches=["nginx", "openssl"]))
    assert scanned.summary["NotApplicableCount"] == "1"


def test_a_rejected_package_may_come_as_a_dependency(host):
    rejecting = baseline(rule(section=["net"]), rejectedPatches=["openssl"])
    done = patch(host, "Install", rejecting, reboot_option="NoReboot")
    assert done.code == 0, done.error
    assert versions(host)["openssl"] == "3.0.2 ii"
    assert done.states == {
        "parent.all": "InstalledPendingReboot",
        "openssl.all": "InstalledOther",
        "editor.all": "InstalledOther",
        "both.all": "InstalledOther",
    }


def test_a_blocked_package_does_not_come_at_all(host):
    rejecting = baseline(
        rule(section=["net"]), approvedPatches=["editor"], approvedPatchesEnableNonSecurity=True,
        rejectedPatches=["openssl"], rejectedPatchesAction="BLOCK",
    )  # fmt: skip
    scanned = patch(host, "Scan", rejecting)
    assert scanned.states["parent.all"] == "Missing"
    assert scanned.states["openssl.all"] == "InstalledRejected"

    done = patch(host, "Install", rejecting, reboot_option="NoReboot")
    assert done.code == 2 and "openssl" in done.error
    assert done.states["parent.all"] == "Failed"
    assert done.states["openssl.all"] == "InstalledRejected"
    assert done.states["editor.all"] == "InstalledPendingReboot", "the others are installed all the same"
    assert versions(host)["openssl"] == "3.0.1 ii"


def test_what_waits_for_a_restart_does_so_until_a_restart_and_a_scan(host):
    done = patch(host, "Install", SECURE, reboot_option="NoReboot")
    assert done.code == 0
    assert done.states["openssl.all"] == done.states["parent.all"] == "InstalledPendingReboot"
    assert done.summary["InstalledPendingRebootCount"] == "2"
    assert done.summary["LastNoRebootInstallOperationTime"] == done.summary["OperationEndTime"]
    assert patch(host, "Scan", SECURE).summary["InstalledPendingRebootCount"] == "2"
    host.reboot()
    scanned = patch(host, "Scan", SECURE)
    assert scanned.states["openssl.all"] == scanned.states["parent.all"] == "Installed"
    assert "NonCompliantSeverity" not in scanned.summary


def test_what_others_installed_waits_for_no_restart(host):
    install(host, "openssl", "parent")
    assert patch(host, "Scan", SECURE).states["openssl.all"] == "Installed"


def test_an_earlier_no_reboot_is_made_good_by_an_install_that_may_restart(host):
    patch(host, "Install", SECURE, reboot_option="NoReboot")
    assert patch(host, "Install", SECURE).code == 194, "nothing is left to install, but packages wait"
    host.reboot()
    assert patch(host, "Install", SECURE).code == 0
    assert patch(host, "Install", SECURE).code == 0


def test_an_override_list_is_installed_whatever_the_baseline_says(host):
    wanted = "# chosen by hand\npatches:\n  -\n    id: 'spare.all'\n"
    wanted += "  - id: editor.*\n    title: 'editor.all:1.1'\n"
    host.write("/root/list.yaml", wanted)
    done = patch(host, "Install", SECURE, install_override_list="/root/list.yaml", reboot_option="NoReboot")
    assert done.code == 0, done.error
    assert versions(host) == {
        "openssl": "3.0.1 ii",
        "parent": "1.0 ii",
        "editor": "1.1 ii",
        "both": "1.0 ii",
        "spare": "2.0 ii",
    }
    assert done.summary["InstallOverrideList"] == "/root/list.yaml"
    assert done.states["openssl.all"] == "Missing", "compliance is judged by the baseline"
    host.reboot()
    scanned = patch(host, "Scan", SECURE)
    assert scanned.states["spare.all"] == scanned.states["editor.all"] == "InstalledOther"


def test_a_scan_does_not_read_the_override_list(host):
    assert patch(host, "Scan", SECURE, install_override_list="/not/there").code == 0


def test_an_override_list_that_cannot_be_met_fails(host):
    host.write("/root/list.json", json.dumps({"patches": [{"id": "parent.all", "title": "1.1"}]}))
    done = patch(
        host,
        "Install",
        baseline(rejectedPatches=["openssl"], rejectedPatchesAction="BLOCK"),
        install_override_list="/root/list.json",
    )
    assert done.code == 2 and "parent.all" in done.error
    assert versions(host)["parent"] == "1.0 ii"


@pytest.mark.parametrize(
    "text", ["", "patches:\n", "patches:\n  - title: x\n", "patches:\n  - id: 'x\n", "[1]"]
)
def test_a_list_that_is_none_is_refused_before_anything_is_done(host, text):
    host.write("/root/list.yaml", text)
    done = patch(host, "Install", SECURE, install_override_list="/root/list.yaml")
    assert done.code == 161 and "list" in done.error and done.report is None
    assert versions(host)["openssl"] == "3.0.1 ii"


def test_a_list_and_a_baseline_of_ones_own_cannot_go_together(host):
    done = patch(host, "Install", SECURE, install_override_list="/a", baseline_override="/b")
    assert done.code == 167 and done.report is None
    assert versions(host)["openssl"] == "3.0.1 ii"


def test_sources_take_the_place_of_the_hosts_repositories(host, tmp_path):
    other = Repository(tmp_path / "other")
    other.suite("private", [Deb("editor", "3.0", section="editors")])
    source = {"name": "private", "products": ["Debian12"], "configuration": other.sources()}
    elsewhere = {
        "name": "nothing",
        "products": ["Debian11"],
        "configuration": "deb http://127.0.0.1:1/ x main",
    }
    everything = baseline(rule(non_security=True, product=["*"]), sources=[source, elsewhere])
    done = patch(host, "Install", everything, reboot_option="NoReboot")
    assert done.code == 0, done.error
    assert versions(host)["editor"] == "3.0 ii"
    assert versions(host)["openssl"] == "3.0.1 ii", "what the host's own repositories have is not seen"
    assert "other" not in host.read("/etc/apt/sources.list")
    host.run("apt-get", "update")
    assert "3.0.2" in host.run("apt-cache", "policy", "openssl").stdout


def test_ubuntus_security_pocket_is_known_by_its_name(tmp_path, repository):
    made = Repository(tmp_path / "ubuntu")
    made.suite("jammy", [Deb("openssl", "3.0.1"), Deb("editor", "1.0")], label="Ubuntu")
    made.suite("jammy-updates", [Deb("openssl", "3.0.2"), Deb("editor", "1.1")], label="Ubuntu")
    made.suite("jammy-security", [Deb("openssl", "3.0.2")], label="Ubuntu")
    host = debian(tmp_path, made, os_release=UBUNTU)
    try:
        install(host, "openssl=3.0.1", "editor=1.0")
        scanned = patch(host, "Scan", baseline(rule(product=["Ubuntu22.04"])))
        assert scanned.states == {"openssl.all": "Missing", "editor.all": "InstalledOther"}
    finally:
        host.close()
