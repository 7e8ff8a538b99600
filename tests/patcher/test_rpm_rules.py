"""AWS's rules and what goes wrong, on real hosts of dnf's and of zypper's family."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.hosts import redhat, suse
from tests.hosts.host import needs
from tests.hosts.payload import arguments, baseline, patch, rule
from tests.hosts.redhat import Advisory, Rpm, YumRepository, versions

pytestmark = pytest.mark.slow

OLD = [Rpm("library", "1.0"), Rpm("parent", "1.0"), Rpm("editor", "1.0")]
LIBRARY, EDITOR = Rpm("library", "1.1"), Rpm("editor", "1.1")
PARENT = Rpm("parent", "1.1", requires="library >= 1.1")
SPARE = Rpm("spare", "2.0")
NOTICES = [
    Advisory("RLSA-1", "security", (LIBRARY,), "Important", cves=("CVE-2026-0001",), bugs=("1001",)),
    Advisory("RLSA-2", "security", (PARENT,), "Moderate"),
]
SECURE = baseline(rule(0, classification=["Security"]))
_KINDS = {"dnf": (redhat.redhat, redhat.install), "zypper": (suse.suse, suse.install)}


def days_ago(days):
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d} 23:30:00"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    needs("unshare", "nsenter", "rpmbuild", "createrepo_c", "dnf", "zypper")
    made = YumRepository(tmp_path_factory.mktemp("yum") / "base")
    made.publish([*OLD, LIBRARY, PARENT, EDITOR, SPARE], NOTICES)
    return made


@pytest.fixture(params=["dnf", "zypper"])
def kind(request):
    return _KINDS[request.param]


@pytest.fixture
def host(tmp_path, repository, kind):
    make, install = kind
    made = make(tmp_path, repository)
    install(made, *OLD)
    yield made
    made.close()


@pytest.fixture(scope="module", params=["dnf", "zypper"])
def scanned(request, tmp_path_factory, repository):
    """A host that is only scanned."""
    make, install = _KINDS[request.param]
    made = make(tmp_path_factory.mktemp("scanned"), repository)
    install(made, *OLD)
    yield made
    made.close()


@pytest.fixture
def own(tmp_path):
    """A repository of this test alone."""
    needs("unshare", "nsenter", "rpmbuild", "createrepo_c", "dnf", "zypper")
    return YumRepository(tmp_path / "own" / "base")


def test_what_no_advisory_names_needs_to_be_asked_for_with_filters_that_take_all(scanned):
    assert patch(scanned, "Scan", SECURE).states["editor.noarch"] == "InstalledOther"
    everything = {"non_security": True, "classification": ["*"], "severity": ["*"]}
    assert patch(scanned, "Scan", baseline(rule(0, **everything))).states["editor.noarch"] == "Missing"
    some = {"non_security": True, "classification": ["*"], "severity": ["Important"]}
    assert patch(scanned, "Scan", baseline(rule(0, **some))).states["editor.noarch"] == "InstalledOther"


@pytest.mark.parametrize(
    "listed", ["library", "library.noarch", "lib*", "library-1.1*", "RLSA-1", "CVE-2026-0001", "1001"]
)
def test_approved_patches_name_packages_advisories_cves_and_bugs(scanned, listed):
    found = patch(scanned, "Scan", baseline(approvedPatches=[listed]))
    assert {name for name, state in found.states.items() if state == "Missing"} == {"library.noarch"}


def test_a_blocked_package_does_not_come_as_a_dependency(host):
    rejecting = baseline(
        rule(0, severity=["Medium"]), approvedPatches=["editor"], approvedPatchesEnableNonSecurity=True,
        rejectedPatches=["library"], rejectedPatchesAction="BLOCK",
    )  # fmt: skip
    scanned = patch(host, "Scan", rejecting)
    assert scanned.states["parent.noarch"] == "Missing", "Medium and Moderate are one"
    assert scanned.states["library.noarch"] == "InstalledRejected"
    done = patch(host, "Install", rejecting, reboot_option="NoReboot")
    assert done.code == 2 and "parent.noarch" in done.error, (done.code, done.error, done.said)
    assert versions(host) == {"library": "1.0-1", "parent": "1.0-1", "editor": "1.1-1"}
    assert done.states["parent.noarch"] == "Failed"


def test_a_rejected_package_may_come_as_a_dependency(host):
    allowing = baseline(rule(0, severity=["Moderate"]), rejectedPatches=["library"])
    done = patch(host, "Install", allowing, reboot_option="NoReboot")
    assert done.code == 0, done.error
    assert versions(host) == {"library": "1.1-1", "parent": "1.1-1", "editor": "1.0-1"}
    assert done.states["library.noarch"] == "InstalledOther"
    assert done.states["parent.noarch"] == "InstalledPendingReboot"
    host.reboot()
    assert patch(host, "Scan", allowing).states["parent.noarch"] == "Installed"


def test_an_override_list_installs_what_is_not_there(host):
    host.write("/root/list", "patches:\n  - id: spare.noarch\n    title: 'spare.noarch:0:2.*'\n")
    done = patch(host, "Install", SECURE, install_override_list="/root/list", reboot_option="NoReboot")
    assert done.code == 0, (done.error, done.said)
    assert versions(host) == {"library": "1.0-1", "parent": "1.0-1", "editor": "1.0-1", "spare": "2.0-1"}
    assert done.states["library.noarch"] == "Missing"


def test_days_are_counted_from_the_last_change_of_the_advisory(own, kind, tmp_path):
    make, install = kind
    dated = [Advisory("R-1", "security", (LIBRARY,), "Important", updated=days_ago(7))]
    dated += [Advisory("R-2", "security", (EDITOR,), "Important", updated=days_ago(6))]
    own.publish([*OLD, LIBRARY, EDITOR], dated)
    host = make(tmp_path, own)
    try:
        install(host, *OLD)
        weekly = baseline(rule(7, classification=["Security"]))
        scanned = patch(host, "Scan", weekly)
        assert scanned.states["library.noarch"] == "Missing", "the whole day of the limit is within it"
        assert scanned.states["editor.noarch"] == "InstalledOther"
        due = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        assert scanned.decisions["editor.noarch:0:1.1-1"] == f"PENDING: rule 1 approves it on {due}"
        until = rule(None, classification=["Security"]) | {"approveUntilDate": days_ago(7)[:10]}
        scanned = patch(host, "Scan", baseline(until))
        assert scanned.states["library.noarch"] == "Missing"
        assert scanned.states["editor.noarch"] == "InstalledOther"
    finally:
        host.close()


def test_sources_take_the_place_of_the_hosts_repositories(host, own):
    own.publish([Rpm("editor", "3.0")])
    source = {"name": "own", "products": ["*"], "configuration": own.configuration()}
    everything = baseline(rule(0, non_security=True, product=["*"]), sources=[source])
    done = patch(host, "Install", everything, reboot_option="NoReboot")
    assert done.code == 0, (done.error, done.said)
    assert versions(host) == {"library": "1.0-1", "parent": "1.0-1", "editor": "3.0-1"}
    scanned = patch(host, "Scan", SECURE)
    assert scanned.states["library.noarch"] == "Missing", "afterwards the host sees its own again"


def test_a_repository_that_is_gone_is_no_compliance(own, kind, tmp_path):
    make, install = kind
    own.publish(OLD, NOTICES)
    host = make(tmp_path, own)
    try:
        install(host, *OLD)
        own.folder.rename(tmp_path / "away")
        for operation in ("Scan", "Install"):
            done = patch(host, operation, SECURE)
            assert done.code == 1 and done.report is None, (done.code, done.error)
            assert "base" in done.error
        (tmp_path / "away").rename(own.folder)
        assert patch(host, "Scan", SECURE).code == 0
    finally:
        host.close()


def test_a_package_that_is_damaged_is_not_installed(own, kind, tmp_path):
    make, install = kind
    own.publish([*OLD, LIBRARY], NOTICES[:1])
    host = make(tmp_path, own)
    try:
        install(host, *OLD)
        file = own.folder / "library-1.1-1.noarch.rpm"
        file.write_bytes(file.read_bytes()[:-20] + b"x" * 20)
        done = patch(host, "Install", SECURE, reboot_option="NoReboot")
        assert done.code == 1 and done.states["library.noarch"] == "Failed", (done.code, done.error)
        assert versions(host)["library"] == "1.0-1"
    finally:
        host.close()


SLOW = "touch /run/configuring; while [ ! -e /run/fast ]; do sleep 0.1; done"


def test_an_install_that_a_power_cut_ends_is_made_good_by_the_next(own, kind, tmp_path):
    make, install = kind
    slow = Rpm("library", "1.1", scripts=(("post", SLOW),))
    shell = Rpm("shell", "1.0", provides="/bin/sh")
    own.publish([*OLD, shell, slow], NOTICES[:1])
    host = make(tmp_path, own)
    try:
        install(host, *OLD, shell)
        program = host.start(*arguments(host, "Install", SECURE, {}))
        until = time.monotonic() + 30
        while not host.path("/run/configuring").exists():
            assert time.monotonic() < until and program.poll() is None, program.communicate()
            time.sleep(0.02)
        host.reboot()
        program.communicate(timeout=10)
        assert versions(host)["library"] == "1.0-1 and 1.1-1"
        half = patch(host, "Scan", SECURE)
        assert half.states["library.noarch"] == "Missing", (half.states, half.error)
        host.write("/run/fast", "")
        done = patch(host, "Install", SECURE)
        assert done.code in (0, 194), (done.error, done.said)
        assert versions(host)["library"] == "1.1-1"
        assert patch(host, "Scan", SECURE).states["library.noarch"] != "Missing"
    finally:
        host.close()


def test_a_locked_version_is_missing_and_stays(host, kind):
    if kind[0] is redhat.redhat:
        host.write("/etc/dnf/dnf.conf", host.read("/etc/dnf/dnf.conf") + "excludepkgs=library\n")
    else:
        host.run("zypper", "--non-interactive", "addlock", "library")
    scanned = patch(host, "Scan", SECURE)
    assert scanned.states["library.noarch"] == "Missing"
    done = patch(host, "Install", SECURE, reboot_option="NoReboot")
    assert done.code == 2 and "held by the administrator" in done.error
    assert done.states["library.noarch"] == "Failed"
    assert versions(host)["library"] == "1.0-1"


def test_an_obsoleting_package_does_not_take_a_patchs_place(own, tmp_path):
    own.publish(
        [*OLD, EDITOR, Rpm("vim", "9.0", obsoletes="editor < 5")], [Advisory("R", "security", (EDITOR,))]
    )
    host = redhat.redhat(tmp_path, own)
    try:
        redhat.install(host, *OLD)
        done = patch(host, "Install", SECURE, reboot_option="NoReboot")
        assert "vim" not in versions(host), (done.code, done.error)
        assert versions(host)["editor"] == "1.1-1", (done.code, done.error, done.said)
    finally:
        host.close()


def test_another_run_of_the_package_manager_is_waited_for_but_not_for_ever(own, kind, tmp_path):
    make, install = kind
    shell = Rpm("shell", "1.0", provides="/bin/sh")
    slow = Rpm("slow", "1.0", scripts=(("post", SLOW),))
    own.publish([*OLD, shell, slow, LIBRARY], NOTICES[:1])
    host = make(tmp_path, own)
    try:
        install(host, *OLD, shell)
        by_hand = ["dnf", "-y"] if kind[0] is redhat.redhat else ["zypper", "--non-interactive"]
        other = host.start(*by_hand, "install", "slow")
        until = time.monotonic() + 30
        while not host.path("/run/configuring").exists():
            assert time.monotonic() < until and other.poll() is None, other.communicate()
            time.sleep(0.02)
        done = patch(host, "Install", SECURE, lock_wait_s="2")
        assert done.code == 1 and "lock" in done.error, (done.code, done.error, done.said)
        assert versions(host)["library"] == "1.0-1"
        host.write("/run/fast", "")
        other.communicate(timeout=30)
        done = patch(host, "Install", SECURE, reboot_option="NoReboot")
        assert done.code == 0, (done.error, done.said)
        assert versions(host)["library"] == "1.1-1"
    finally:
        host.close()


def test_the_newest_kernel_counts_and_a_new_one_comes_beside_it(own, tmp_path):
    kernels = [Rpm("kernel", "6.0"), Rpm("kernel", "6.1"), Rpm("kernel", "6.2")]
    own.publish(kernels, [Advisory("RLSA-9", "security", (kernels[2],), "Important")])
    host = redhat.redhat(tmp_path, own)
    try:
        redhat.install(host, kernels[0])
        redhat.install(host, kernels[1])
        found = patch(host, "Scan", SECURE)
        assert found.states == {"kernel.noarch": "Missing"}
        assert found.rows["kernel.noarch"]["Title"] == "kernel.noarch:0:6.2-1"
        done = patch(host, "Install", SECURE, reboot_option="NoReboot")
        assert done.code == 0, (done.error, done.said)
        assert versions(host)["kernel"] == "6.0-1 and 6.1-1 and 6.2-1"
        assert done.states == {"kernel.noarch": "InstalledPendingReboot"}
    finally:
        host.close()
