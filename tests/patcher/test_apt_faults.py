"""What goes wrong on a Debian host: never a lie, always fit to be run again."""

import http.server
import signal
import threading
import time

import pytest

from tests.hosts.debian import Deb, Repository, debian, install, versions
from tests.hosts.host import needs
from tests.hosts.payload import arguments, baseline, patch, result, rule

pytestmark = pytest.mark.slow

SECURE = baseline(rule(priority=["*"]))
OLD = [Deb("openssl", "3.0.1"), Deb("editor", "1.0")]
NEW = [Deb("openssl", "3.0.2"), Deb("editor", "1.1")]


@pytest.fixture
def repository(tmp_path):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    made = Repository(tmp_path / "archive")
    made.suite("bookworm", OLD)
    made.suite("bookworm-security", NEW, label="Debian-Security")
    return made


@pytest.fixture
def host(tmp_path, repository):
    made = debian(tmp_path, repository)
    install(made, "openssl=3.0.1", "editor=1.0")
    yield made
    made.close()


def test_a_repository_that_is_gone_is_no_compliance(host, repository):
    release = repository.folder / "dists" / "bookworm-security"
    release.rename(release.with_name("away"))
    for operation in ("Scan", "Install"):
        done = patch(host, operation, SECURE)
        assert done.code == 1 and done.report is None
        assert "bookworm-security" in done.error
    release.with_name("away").rename(release)
    assert patch(host, "Scan", SECURE).states["openssl.all"] == "Missing"


def test_a_repository_whose_lists_do_not_fit_their_hashes_is_refused(host, repository):
    repository.suite("bookworm-security", [*NEW, Deb("another", "1.0")], label="Debian-Security")
    for name in ("Packages", "Packages.gz"):
        file = repository.folder / "dists/bookworm-security/main/binary-amd64" / name
        file.write_bytes(file.read_bytes() + b"\n")
    done = patch(host, "Scan", SECURE)
    assert done.code == 1 and done.report is None and "bookworm-security" in done.error


def test_a_package_that_does_not_fit_its_hash_is_not_installed(host, repository):
    file = next((repository.folder / "pool").glob("openssl_3.0.2*"))
    file.write_bytes(file.read_bytes()[:-10] + b"0123456789")
    done = patch(host, "Install", SECURE, reboot_option="NoReboot")
    assert done.code == 1 and done.states["openssl.all"] == "Failed"
    assert done.summary["FailedCount"] != "0"
    assert versions(host)["openssl"] == "3.0.1 ii"


def test_a_held_package_stays_and_the_others_do_not_wait_for_it(host):
    host.run("apt-mark", "hold", "openssl")
    scanned = patch(host, "Scan", SECURE)
    assert scanned.states["openssl.all"] == "Missing"
    assert scanned.decisions["openssl.all:3.0.2"] == "NOT_SELECTED: held by the administrator"
    done = patch(host, "Install", SECURE, reboot_option="NoReboot")
    assert done.code == 2 and "openssl.all: held by the administrator" in done.error
    assert done.states["openssl.all"] == "Failed"
    assert done.states["editor.all"] == "InstalledPendingReboot"
    assert versions(host)["openssl"] == "3.0.1 hi"


def test_a_configuration_file_stays_as_the_administrator_left_it(host, repository):
    path = "/etc/mailer.conf"

    def mailer(version, content):
        return Deb("mailer", version, files=((path, content),), conffiles=(path,))

    repository.suite("bookworm", [*OLD, mailer("1.0", "port 25\n")])
    install(host, "mailer")
    host.write(path, "port 2525\n")
    repository.suite("bookworm-security", [mailer("1.1", "port 587\n")], label="Debian-Security")
    done = patch(host, "Install", SECURE, reboot_option="NoReboot")
    assert done.code == 0, done.error
    assert host.read(path) == "port 2525\n"
    assert versions(host)["mailer"] == "1.1 ii"


def _locking(host, seconds):
    program = "import fcntl, os, time; f = open('/var/lib/dpkg/lock-frontend', 'w')\n"
    program += "fcntl.lockf(f, fcntl.LOCK_EX); print('locked', flush=True)\n"
    program += f"end = time.monotonic() + {seconds}\n"
    program += "while time.monotonic() < end and not os.path.exists('/run/let-go'): time.sleep(0.05)\n"
    holder = host.start("/usr/bin/python3", "-c", program)
    assert holder.stdout.readline() == "locked\n"
    return holder


def test_a_lock_that_another_holds_for_long_ends_the_wait(host):
    holder = _locking(host, 60)
    began = time.monotonic()
    done = patch(host, "Install", SECURE, lock_wait_s="3")
    assert time.monotonic() - began < 30
    assert done.code == 1 and "lock" in done.error
    assert done.report is None or done.states["openssl.all"] == "Failed"
    assert versions(host)["openssl"] == "3.0.1 ii"
    host.write("/run/let-go", "")
    holder.communicate()
    assert patch(host, "Install", SECURE).code == 194


def test_a_lock_that_is_let_go_of_is_waited_for(host):
    holder = _locking(host, 3)
    done = patch(host, "Install", SECURE, lock_wait_s="60")
    holder.communicate()
    assert done.code == 194 and "waiting for another package manager" in done.said


def test_a_full_disk_fails_what_does_not_fit_and_can_be_run_again(tmp_path, repository):
    host = debian(tmp_path, repository, size="64m")
    try:
        install(host, "openssl=3.0.1", "editor=1.0")
        big = Deb("big", "1.1", files=(("/usr/share/big", "x" * 12_000_000),))
        repository.suite("bookworm", [*OLD, Deb("big", "1.0")])
        install(host, "big")
        repository.suite("bookworm-security", [big], label="Debian-Security")
        host.run("sh", "-c", "head -c 100000000 /dev/zero > /var/filler; truncate -s -5M /var/filler")
        done = patch(host, "Install", SECURE)
        assert done.code == 1 and "disk full" in done.error, (done.error, done.said)
        assert done.states["big.all"] == "Failed"
        assert versions(host)["big"].startswith("1.0"), versions(host)
        host.run("truncate", "-s", "0", "/var/filler")
        again = patch(host, "Install", SECURE)
        assert again.code == 194, (again.error, again.said)
        assert versions(host)["big"] == "1.1 ii"
    finally:
        host.close()


def test_a_disk_without_room_for_a_note_is_left_alone(tmp_path, repository):
    host = debian(tmp_path, repository, size="24m")
    try:
        install(host, "openssl=3.0.1", "editor=1.0")
        patch(host, "Scan", SECURE)
        host.run("sh", "-c", "mkdir -p /var/lib/hostreeve-patch/record.json.new")
        done = patch(host, "Install", SECURE)
        assert done.code == 1 and "nothing was installed" in done.error
        assert versions(host)["openssl"] == "3.0.1 ii"
    finally:
        host.close()


class _Archive(http.server.ThreadingHTTPServer):
    """A repository whose line goes dead in the middle of packages, while `is_cut`."""

    is_cut = False


class _Handler(http.server.SimpleHTTPRequestHandler):
    def copyfile(self, source, outputfile):
        content = source.read()
        is_cut = self.server.is_cut and self.path.endswith(".deb")
        outputfile.write(content[: len(content) // 2] if is_cut else content)
        if is_cut:
            self.close_connection = True

    def log_message(self, *ignored):
        pass


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    server = _Archive(("127.0.0.1", 0), lambda *a: _Handler(*a, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_network_that_breaks_in_the_middle_leaves_the_host_as_it_was(tmp_path, repository, archive):
    repository.url = f"http://127.0.0.1:{archive.server_address[1]}"
    host = debian(tmp_path, repository)
    try:
        install(host, "openssl=3.0.1", "editor=1.0")
        archive.is_cut = True
        done = patch(host, "Install", SECURE)
        assert done.code == 1, done.said
        assert done.states["openssl.all"] == done.states["editor.all"] == "Failed"
        assert versions(host) == {"openssl": "3.0.1 ii", "editor": "1.0 ii"}
        archive.is_cut = False
        assert patch(host, "Install", SECURE).code == 194
    finally:
        host.close()


SLOW = "if [ ! -e /run/fast ]; then touch /run/configuring; sleep 60; fi"


@pytest.fixture
def slow_install(host, repository):
    """An installation that is in the middle of a package's script."""
    slow = Deb("openssl", "3.0.2", scripts=(("postinst", SLOW),))
    repository.folder.joinpath("pool", "openssl_3.0.2_all.deb").unlink()
    for tree in (repository.folder / "pool" / "trees").glob("openssl_3.0.2*"):
        tree.rename(tree.with_name("old"))
    repository.suite("bookworm-security", [slow, NEW[1]], label="Debian-Security")
    program = host.start(*arguments(host, "Install", SECURE, {}))
    until = time.monotonic() + 30
    while not host.path("/run/configuring").exists():
        assert time.monotonic() < until and program.poll() is None
        time.sleep(0.02)
    yield program
    program.communicate()


def _is_made_good(host):
    half = patch(host, "Scan", SECURE)
    assert half.states["openssl.all"] == "Missing", "half installed is not installed"
    assert half.code == 0
    host.write("/run/fast", "")
    done = patch(host, "Install", SECURE)
    assert done.code in (0, 194), (done.error, done.said)
    assert versions(host) == {"openssl": "3.0.2 ii", "editor": "1.1 ii"}
    if done.code == 194:
        host.reboot()
        done = patch(host, "Install", SECURE)
    assert done.code == 0 and done.states["openssl.all"] == "Installed"


def test_an_install_whose_processes_are_killed_is_made_good_by_the_next(host, slow_install):
    host.run("/usr/bin/python3", "-c", (
        "import os, signal\n"
        "for p in [int(p) for p in os.listdir('/proc') if p.isdigit()]:\n"
        "    if p not in (1, os.getpid(), os.getppid()): os.kill(p, signal.SIGKILL)\n"
    ))  # fmt: skip
    slow_install.communicate()
    assert slow_install.returncode == -signal.SIGKILL or slow_install.returncode == 137
    assert versions(host)["openssl"] == "3.0.2 iF"
    _is_made_good(host)


def test_an_install_that_a_power_cut_ends_is_made_good_by_the_next(host, slow_install):
    host.reboot()
    assert versions(host)["openssl"] == "3.0.2 iF"
    _is_made_good(host)


def test_a_package_whose_script_always_fails_keeps_no_other_from_being_installed(host, repository):
    broken = Deb("aaa-broken", "1.1", scripts=(("postinst", "echo no license >&2; exit 3"),))
    repository.suite("bookworm", [*OLD, Deb("aaa-broken", "1.0")])
    install(host, "aaa-broken")
    repository.suite("bookworm-security", [broken, *NEW], label="Debian-Security")
    for _ in range(2):
        done = patch(host, "Install", SECURE, reboot_option="NoReboot")
        assert done.code == 1 and "aaa-broken" in done.error
        assert done.states["aaa-broken.all"] == "Failed"
        assert done.states["openssl.all"] == done.states["editor.all"] == "InstalledPendingReboot"
    assert patch(host, "Scan", SECURE).states["aaa-broken.all"] == "Missing"


def test_a_machine_that_does_not_restart_is_not_asked_for_ever(host):
    assert patch(host, "Install", SECURE).code == 194
    again = patch(host, "Install", SECURE)
    assert again.code == 1 and "was not restarted" in again.error
    assert again.states["openssl.all"] == "InstalledPendingReboot"


def test_a_repository_that_has_something_new_after_each_restart_ends_too(host, repository):
    codes = []
    for number in range(6):
        repository.suite("bookworm-security", [Deb("openssl", f"3.1.{number}")], label="Debian-Security")
        done = patch(host, "Install", SECURE)
        codes.append(done.code)
        if done.code != 194:
            break
        host.reboot()
    assert codes == [194, 194, 194, 1] and "3 restarts" in done.error


def test_two_runs_do_not_meet(host):
    argv = arguments(host, "Scan", SECURE, {"lock_wait_s": "60"})
    first, second = host.start(*argv), host.start(*argv)
    for each in (first, second):
        each.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)


def test_a_record_that_a_full_disk_cut_off_is_no_reason_to_fail(host):
    patch(host, "Scan", SECURE)
    host.write("/var/lib/hostreeve-patch/record.json", '{"waiting": [["openssl"')
    assert patch(host, "Scan", SECURE).code == 0


def test_a_system_that_nobody_has_baselines_for_is_named(host):
    host.write("/etc/os-release", "ID=plan9\nVERSION_ID=4\n")
    done = patch(host, "Scan", SECURE)
    assert done.code == 145 and done.report is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"patchBaseline": {"approvalRules": 1}}', '{"patchBaseline": []}']
)
def test_a_snapshot_that_is_none_is_refused(host, text):
    argv = arguments(host, "Scan", SECURE, {})
    host.write("/root/snapshot.json", text)
    done = result(host, host.run(*argv, check=False))
    assert done.code == 144 and done.report is None
