"""What package managers say, and how it is understood."""

import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.patcher import apt_reading, baseline, lists, machine, trouble, zypper_reading
from hostreeve.patcher.packager import Attempt, install_what_can_be
from hostreeve.patcher.rpm_version import Order
from tests.hosts.host import needs

PIECES = ["1", "02", "2", "10", ".", "-", "~", "^", "a", "rc", "B", "_", "+", "git"]


def test_versions_are_ordered_as_rpm_orders_them():
    needs("rpm")
    pieces = st.lists(st.sampled_from([p for p in PIECES if p != "-"]), min_size=1, max_size=6).map("".join)
    asked = []

    @given(pieces, pieces)
    def collect(one, other):
        asked.append((one, other))

    collect()
    script = "\n".join(f'print(rpm.vercmp("{one}", "{other}"))' for one, other in asked)
    said = subprocess.run(["rpm", "--eval", f"%{{lua:{script}}}"], capture_output=True, text=True, check=True)
    answers = said.stdout.split()
    joined = answers if len(answers) == len(asked) else _signs("".join(answers))
    for (one, other), answer in zip(asked, joined, strict=True):
        ours = Order(f"0:{one}-1"), Order(f"0:{other}-1")
        assert (ours[0] > ours[1]) - (ours[0] < ours[1]) == int(answer), (one, other)


def _signs(text):
    return text.replace("-1", "m").replace("0", "0 ").replace("1", "1 ").replace("m", "-1 ").split()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1:1.0-1", "2.0-1"),
        ("1.0-2", "1.0-1"),
        ("1.0-1", "1.0~rc1-9"),
        ("1.0^git1-1", "1.0-1"),
        ("1.0.1-1", "1.0^x-1"),
    ],
)
def test_epochs_releases_and_signs_count(one, other):
    assert Order(one) > Order(other)


@pytest.mark.parametrize(
    ("archive", "codename", "label", "is_security"),
    [
        ("oldstable-security", "bookworm-security", "Debian-Security", True),
        ("jammy-security", "jammy", "Ubuntu", True),
        ("oldoldstable", "buster", "Debian-Security", True),
        ("jammy-updates", "jammy", "Ubuntu", False),
        ("stable", "bookworm", "Debian", False),
        ("security-tools", "x", "Somebody", False),
    ],
)
def test_the_security_pocket(archive, codename, label, is_security):
    assert apt_reading.Release(archive, codename, label, "o", "main").is_security is is_security


POLICY = """openssl:
  Installed: 3.0.1
  Candidate: 3.0.2
  Version table:
     3.0.2 990
        990 http://host/debian-security bookworm-security/main amd64 Packages
        500 http://host/debian bookworm-updates/main amd64 Packages
 *** 3.0.1 500
        500 http://host/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
libc6:i386:
  Installed: 2.36
  Candidate: 2.36
  Version table:
 *** 2.36 100
        100 /var/lib/dpkg/status
gone:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_a_policy_is_read():
    found = dict(apt_reading.policies(POLICY))
    assert set(found) == {"openssl", "libc6:i386", "gone"}
    openssl = found["openssl"]
    assert openssl.candidate == "3.0.2" and len(openssl.sources) == 2
    assert apt_reading.repository(openssl.sources) == "http://host/debian-security bookworm-security/main"
    assert openssl.installed_sources[0].startswith("http://host/debian bookworm/main")
    assert apt_reading.repository(found["libc6:i386"].installed_sources) == ""
    assert found["gone"].candidate == "(none)"


INFO = """Repository  : update
Name        : SUSE-SLE-2026-1
Version     : 1
Arch        : noarch
Conflicts   : [3]
    libsnmp30.x86_64 < 5.7.3-6.3.1
    srcpackage:net-snmp < 5.7.3-6.3.1
    perl-SNMP.noarch < 1:5.7.3-6.3.1

Name        : SUSE-SLE-2026-2
Conflicts   : curl < 8.0-1
Summary     : text with a < 2
"""


def test_what_a_suse_patch_wants_is_read():
    assert zypper_reading.limits(INFO) == {
        "SUSE-SLE-2026-1": (
            ("libsnmp30", "x86_64", "0:5.7.3-6.3.1"),
            ("perl-SNMP", "noarch", "1:5.7.3-6.3.1"),
        ),
        "SUSE-SLE-2026-2": (("curl", "", "0:8.0-1"),),
    }


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)", trouble.LOCKED),
        ("System management is locked by the application with pid 4071 (zypper).", trouble.LOCKED),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", trouble.DISK_FULL),
        ("dpkg: error processing archive x\n cannot copy: No space left on device", trouble.DISK_FULL),
        ("E: Failed to fetch http://h/x  Could not connect to h:80 (1.2.3.4)", trouble.NETWORK),
        (
            "Error: Failed to download metadata for repo 'base': Cannot download repomd.xml",
            trouble.REPOSITORY,
        ),
        (
            "The following packages have unmet dependencies:\n p : Depends: q but it is not",
            trouble.DEPENDENCY,
        ),
        ("E: Sub-process /usr/bin/dpkg returned an error code (1)", trouble.BROKEN),
        ("something that nobody has seen", trouble.OTHER),
        ("", trouble.OTHER),
    ],
)
def test_trouble_is_known_by_what_was_said(said, kind):
    assert trouble.read("program", 1, said).kind == kind


def test_trouble_tells_no_secret_of_a_repositorys_address():
    said = str(trouble.read("apt", 100, "E: Failed to fetch https://user:secret@host/x"))
    assert "secret" not in said and "//***@host" in said


@given(st.text())
def test_a_list_is_read_or_refused(text):
    with contextlib.suppress(baseline.Unusable):
        assert lists.read_list(text)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_what_can_be_installed_is_whatever_cannot(wanted, impossible):
    done = set()

    def attempt(some):
        if impossible & set(some):
            return Attempt(trouble.DEPENDENCY, "no")
        done.update(some)
        return Attempt()

    failed = install_what_can_be(sorted(wanted), attempt)
    assert done == wanted - impossible
    assert {each for each, _ in failed} == wanted & impossible


def test_a_host_that_is_in_trouble_itself_is_left_alone():
    tries = []

    def attempt(some):
        tries.append(some)
        return Attempt(trouble.DISK_FULL, "full")

    assert len(install_what_can_be(list(range(64)), attempt)) == 64 and len(tries) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID=ubuntu\nVERSION_ID="22.04"', ("UBUNTU", "Ubuntu22.04")),
        ('ID="amzn"\nVERSION_ID="2023"', ("AMAZON_LINUX_2023", "AmazonLinux2023")),
        ('ID="amzn"\nVERSION_ID="2"', ("AMAZON_LINUX_2", "AmazonLinux2.0")),
        ('ID="amzn"\nVERSION_ID="2018.03"', ("AMAZON_LINUX", "AmazonLinux2018.03")),
        ('ID="rhel"\nVERSION_ID="9.4"', ("REDHAT_ENTERPRISE_LINUX", "RedhatEnterpriseLinux9.4")),
        ("ID=ol\nVERSION_ID='8.9'", ("ORACLE_LINUX", "OracleLinux8.9")),
        ("ID=sles_sap\nVERSION_ID=15.5", ("SUSE", "Suse15.5")),
    ],
)
def test_a_system_is_known_by_its_release_file(text, expected):
    assert machine.system(text)[:2] == expected


def test_a_baseline_is_read_in_either_spelling():
    filters = [{"Key": "SEVERITY", "Values": ["Low"]}]
    rule = {
        "PatchFilterGroup": {"PatchFilters": filters},
        "ApproveUntilDate": "2026-11-29",
        "ComplianceLevel": "LOW",
    }
    one = baseline.read_baseline({"ApprovalRules": {"PatchRules": [rule]}, "RejectedPatches": ["x"]})
    small = {"filterGroup": {"filters": [{"key": "SEVERITY", "values": ["Low"]}]}, "complianceLevel": "LOW"}
    two = baseline.read_baseline(
        {"approvalRules": {"rules": [{**small, "approveUntilDate": "2026-11-29"}]}, "rejectedPatches": ["x"]}
    )
    assert one == two and one.rules[0].until_day == baseline.day_of("2026-11-29")
