"""What the agent finds of a machine: of small ones that a test writes down, and of this one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from hostreeve.agent.order import InvalidInputs, Place
from hostreeve.agent.plugins import software_inventory
from hostreeve.agent.plugins.control_plane import Denied
from hostreeve.agent.plugins.software_inventory import (
    applications,
    custom,
    details,
    files,
    network,
    services,
    work,
)
from hostreeve.agent.plugins.software_inventory.root import Root
from hostreeve.agent.plugins.worker import StepFailed

SHARES_AGENT = True
ALL = dict.fromkeys(software_inventory.SWITCHES, "Enabled") | dict.fromkeys(software_inventory.TEXTS, "")

DPKG = """Package: libc6
Status: install ok installed
Section: libs
Maintainer: GNU Libc Maintainers <glibc@example.org>
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u4
Description: GNU C Library: Shared libraries
 Contains the standard libraries.
Homepage: https://www.gnu.org/

Package: vim
Status: install ok installed
Architecture: amd64
Version: 2:9.0.1378-2
Description: Vi IMproved

Package: awscli
Status: install ok installed
Architecture: all
Version: 2.9.19-1

Package: gone
Status: deinstall ok config-files
Version: 1
"""
APK = """C:Q1abc=
P:musl
V:1.2.4-r2
A:x86_64
T:the musl c library (libc) implementation
U:https://musl.libc.org/
o:musl
m:Timo <t@example.org>

P:busybox
V:1.36.1-r5
A:x86_64
"""


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    """Writes files of a machine below a folder: `machine({"/etc/x": "text"})`; a Root."""

    def make(contents: dict[str, str]) -> Root:
        for name, text in contents.items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Root(str(tmp_path))

    return make


def test_packages_of_dpkg_are_read_from_its_own_notes(machine: Any) -> None:
    root = machine({"/var/lib/dpkg/status": DPKG, "/var/lib/dpkg/info/libc6:amd64.list": ""})
    os.utime(root.path("/var/lib/dpkg/info/libc6:amd64.list"), (1_700_000_000, 1_700_000_000))
    awscli, libc, vim = applications.gather(root)
    assert libc == {
        "Name": "libc6",
        "Version": "2.36-9+deb12u4",
        "Publisher": "GNU Libc Maintainers <glibc@example.org>",
        "ApplicationType": "libs",
        "Architecture": "x86_64",
        "URL": "https://www.gnu.org/",
        "Summary": "GNU C Library: Shared libraries",
        "PackageId": "libc6_2.36-9+deb12u4_amd64.deb",
        "InstalledTime": "2023-11-14T22:13:20Z",
    }
    assert (vim["Version"], vim["PackageId"]) == ("2:9.0.1378-2", "vim_2:9.0.1378-2_amd64.deb")
    assert applications.components([awscli, libc, vim]) == [
        {"Name": "awscli", "Version": "2.9.19-1", "Architecture": "all"}
    ]


def test_packages_of_apk_are_read_from_its_database(machine: Any) -> None:
    busybox, musl = applications.gather(machine({"/lib/apk/db/installed": APK}))
    assert (busybox["Name"], busybox["Version"]) == ("busybox", "1.36.1-r5")
    assert musl["Summary"] == "the musl c library (libc) implementation"


@pytest.mark.skipif(shutil.which("rpm") is None, reason="rpm is not installed (Debian: rpm)")
def test_packages_of_rpm_are_what_rpm_says(tmp_path: Path) -> None:
    """A database with one package, which is built here."""
    import subprocess

    spec = tmp_path / "tiny.spec"
    spec.write_text(
        "Name: tiny\nEpoch: 3\nVersion: 1.5\nRelease: 2\nSummary: A tiny thing\nLicense: MIT\nVendor: Us\n"
        "URL: https://example.org\nBuildArch: noarch\n%description\nTiny.\n%files\n"
    )
    built = tmp_path / "built"
    done = (
        subprocess.run(
            ["rpmbuild", "-bb", "--define", f"_topdir {built}", "--define", f"_rpmdir {built}", str(spec)],
            capture_output=True,
            check=False,
        )
        if shutil.which("rpmbuild")
        else None
    )
    if done is None or done.returncode:
        pytest.skip("rpmbuild is not installed (Debian: rpm)")
    root = tmp_path / "root"
    (root / "var/lib/rpm").mkdir(parents=True)
    (package,) = built.rglob("tiny-*.rpm")
    subprocess.run(
        ["rpm", "--root", str(root), "--nodeps", "-i", str(package)], check=True, capture_output=True
    )
    (row,) = applications.gather(Root(str(root)))
    assert (row["Name"], row["Epoch"], row["Version"], row["Release"]) == ("tiny", "3", "1.5", "2")
    assert (row["Publisher"], row["Architecture"], row["Summary"]) == ("Us", "noarch", "A tiny thing")
    assert row["InstalledTime"].endswith("Z")


def test_this_machine_has_packages_and_processors() -> None:
    if not Path("/var/lib/dpkg/status").exists():
        pytest.skip("not a Debian")
    found = {row["Name"] for row in applications.gather(Root())}
    assert {"dpkg", "bash"} <= found
    (row,) = details.gather(Root())
    assert int(row["CPUs"]) >= int(row["CPUCores"]) >= int(row["CPUSockets"]) >= 1
    assert row["KernelVersion"] == os.uname().release


def test_processors_are_counted_by_socket_core_and_thread(machine: Any) -> None:
    text = "".join(
        f"processor\t: {n}\nmodel name\t: Fast CPU\ncpu MHz\t\t: 2400.123\nphysical id\t: {n // 4}\n"
        f"core id\t\t: {n % 4 // 2}\n\n"
        for n in range(8)
    )
    (row,) = details.gather(
        machine({"/proc/cpuinfo": text, "/etc/os-release": 'ID="sles"\nVERSION_ID="15.4"\n'})
    )
    assert row["CPUModel"] == "Fast CPU" and row["CPUSpeedMHz"] == "2400" and row["OSServicePack"] == "4"
    counted = [row[name] for name in ("CPUs", "CPUSockets", "CPUCores", "CPUHyperThreadEnabled")]
    assert counted == ["8", "2", "4", "true"]


def test_interfaces_have_their_addresses_and_the_loopback_is_none(machine: Any) -> None:
    root = machine(
        {
            "/sys/class/net/lo/type": "772\n",
            "/sys/class/net/eth9/type": "1\n",
            "/sys/class/net/eth9/address": "02:00:00:00:00:01\n",
            "/proc/net/if_inet6": "fe800000000000000000000000000001 02 40 20 80     eth9\n",
            "/proc/net/route": "Iface\tDestination\tGateway\tFlags\neth9\t00000000\t0100000A\t0003\n",
            "/etc/resolv.conf": "search example.org\nnameserver 10.0.0.53\n",
        }
    )
    assert network.gather(root) == [
        {
            "Name": "eth9",
            "MacAddress": "02:00:00:00:00:01",
            "IPV6": "fe80::1",
            "Gateway": "10.0.0.1",
            "DNSServer": "10.0.0.53",
        }
    ]
    assert all("Name" in row and row["Name"] != "lo" for row in network.gather(Root()))


SYSTEMCTL = """#!/bin/sh
if [ "$1" = show ]; then cat <<'END'
Id=ssh.service
Description=OpenBSD Secure Shell server
ActiveState=active
UnitFileState=enabled
Type=notify
Requires=sysinit.target net.service
RequiredBy=

Id=bad.service
Description=Bad
ActiveState=failed
UnitFileState=masked
Type=simple
END
else
    printf 'ssh.service enabled enabled\\nidle.service disabled enabled\\nat@.service static -\\n'
fi
"""


def test_services_of_systemd_are_loaded_or_only_installed(
    machine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = machine({"/run/systemd/system/x": "", "/bin/systemctl": SYSTEMCTL})
    (tmp_path / "bin/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    bad, idle, ssh = services.gather(root)
    assert ssh == {
        "Name": "ssh",
        "DisplayName": "OpenBSD Secure Shell server",
        "ServiceType": "notify",
        "Status": "Running",
        "StartType": "Automatic",
        "ServicesDependedOn": "net",
    }
    assert (bad["Status"], bad["StartType"]) == ("Failed", "Disabled")
    assert idle == {"Name": "idle", "Status": "Stopped", "StartType": "Manual"}


def test_services_without_systemd_are_scripts_and_those_of_openrc(machine: Any, tmp_path: Path) -> None:
    header = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: cron\n# Required-Start: $remote_fs\n" + (
        "# Short-Description: Regular programs\n### END INIT INFO\n"
    )
    root = machine({"/etc/init.d/cron": header, "/etc/rc2.d/S01cron": "", "/etc/init.d/other": ""})
    assert services.gather(root) == [
        {
            "Name": "cron",
            "DisplayName": "Regular programs",
            "ServiceType": "sysv",
            "StartType": "Automatic",
            "ServicesDependedOn": "$remote_fs",
        },
        {"Name": "other", "ServiceType": "sysv", "StartType": "Manual"},
    ]
    machine({"/run/cron.pid": "17\n", "/proc/17/stat": ""})
    assert services.gather(root)[0]["Status"] == "Running"
    machine({"/run/openrc/started/cron": "", "/etc/runlevels/default/other": ""})
    assert [(row["Name"], row["Status"], row["StartType"]) for row in services.gather(root)] == [
        ("cron", "Running", "Manual"),
        ("other", "Stopped", "Automatic"),
    ]


def test_files_are_found_by_pattern_in_folders_or_below_them(machine: Any) -> None:
    root = machine({"/srv/a.jar": "12345", "/srv/b.txt": "", "/srv/deep/er/c.jar": "1"})

    def names(**wanted: Any) -> list[str]:
        rows = files.gather(root, json.dumps([{"Path": "/srv", "Pattern": ["*.jar"], **wanted}]))
        return [f"{row['InstalledDir']}/{row['Name']}" for row in rows]

    assert names() == ["/srv/a.jar"]
    assert names(Recursive=True) == ["/srv/a.jar", "/srv/deep/er/c.jar"]
    assert names(Pattern=["*"], Recursive="false") == ["/srv/a.jar", "/srv/b.txt"]
    assert names(Path="/nowhere") == []
    (row,) = files.gather(root, '[{"Path": "/srv", "Pattern": ["a.*"]}]')
    assert row["Size"] == "5" and row["ModificationTime"].endswith("Z")
    with pytest.raises(StepFailed, match="DirScanLimit"):
        names(Recursive=True, DirScanLimit=2)


def test_too_many_files_and_what_is_no_wish_are_refused(machine: Any) -> None:
    root = machine({f"/srv/{n}": "" for n in range(501)})
    with pytest.raises(StepFailed, match="more than 500"):
        files.gather(root, '[{"Path": "/srv", "Pattern": ["*"]}]')
    for wrong in (
        "nonsense",
        "{}",
        '[{"Path": "/srv"}]',
        '[{"Path": "/", "Pattern": [], "DirScanLimit": "x"}]',
    ):
        with pytest.raises(StepFailed):
            files.gather(root, wrong)


def test_custom_files_say_one_type_each_and_a_wrong_one_keeps_no_other_back(tmp_path: Path) -> None:
    def write(name: str, **said: Any) -> None:
        (tmp_path / name).write_text(json.dumps({"SchemaVersion": "1.0", "TypeName": "Custom:Rack", **said}))

    write("a.json", Content={"Location": "a1"})
    write("b.json", TypeName="Custom:Modules", Content=[{"Name": "x"}, {"Name": "y"}])
    write("c.json", TypeName="Custom:rack", Content={"Location": "a1"})
    write("d.json", Content={"Location": "b"})
    write("e.json", TypeName="Custom:Numbers", Content={"Size": 5})
    write("f.json", TypeName="Custom:Version", SchemaVersion="1", Content={})
    write("ignored.txt", TypeName="Custom:Text", Content={"A": "b"})
    (tmp_path / "g.json").write_text("nonsense")
    found, wrong = custom.gather([tmp_path, tmp_path / "nowhere"])
    assert [(one.type_name, len(one.rows)) for one in found] == [("Custom:Rack", 1), ("Custom:Modules", 2)]
    assert [Path(each.partition(":")[0]).name for each in wrong] == [f"{name}.json" for name in "cdefg"]
    assert "capital letter" in wrong[0]


class Server:
    """What the control plane answers, and what it was told."""

    def __init__(self, *refusals: str) -> None:
        self.refusals, self.told = list(refusals), []
        self.node = type("Node", (), {"node_id": "mi-1"})

    def call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        self.told.append(members["Items"])
        if self.refusals and self.refusals[0]:
            raise Denied(self.refusals.pop(0), "refused", 400)
        del self.refusals[:1]
        return {}


def gathered(*names: str) -> list[work.Gathered]:
    return [work.Gathered("AWS:Application", "1.1", [{"Name": name} for name in names])]


def test_what_is_the_same_is_told_by_its_hash(tmp_path: Path) -> None:
    server, notes = Server(), tmp_path / "inventory.json"
    for rows in (gathered("a"), gathered("a"), gathered("a", "b")):
        work.tell(server, rows, notes)
    assert ["Content" in items[0] for items in server.told] == [True, False, True]
    assert server.told[0][0]["ContentHash"] == server.told[1][0]["ContentHash"]


@pytest.mark.parametrize("code", work.RESEND)
def test_a_server_that_knows_it_otherwise_is_told_everything(tmp_path: Path, code: str) -> None:
    server, notes = Server("", code), tmp_path / "inventory.json"
    work.tell(server, gathered("a"), notes)
    work.tell(server, gathered("a"), notes)
    assert ["Content" in items[0] for items in server.told] == [True, False, True]


def test_a_refusal_fails_the_step_and_is_not_taken_for_told(tmp_path: Path) -> None:
    server, notes = Server("AccessDeniedException"), tmp_path / "inventory.json"
    with pytest.raises(StepFailed, match="AccessDenied"):
        work.tell(server, gathered("a"), notes)
    work.tell(server, gathered("a"), notes)
    assert "Content" in server.told[1][0]


def test_a_part_that_fails_does_not_keep_the_rest_back(machine: Any, tmp_path: Path) -> None:
    root = machine({"/var/lib/dpkg/status": DPKG})
    found, wrong = work.gather({**ALL, "files": "nonsense"}, root, [tmp_path / "custom"])
    assert {"AWS:Application", "AWS:AWSComponent", "AWS:Network", "AWS:Service"} <= {
        f.type_name for f in found
    }
    assert len(wrong) == 1 and wrong[0].startswith("AWS:File")


def test_only_what_is_enabled_is_gathered(machine: Any) -> None:
    nothing = dict.fromkeys(ALL, "Disabled") | dict.fromkeys(software_inventory.TEXTS, "")
    assert work.gather(nothing, machine({}), []) == ([], [])


def test_switches_are_enabled_or_disabled(tmp_path: Path) -> None:
    place = Place(str(tmp_path), str(tmp_path), {}, str(tmp_path))
    with pytest.raises(InvalidInputs, match="applications"):
        software_inventory.prepare({"applications": "yes"}, place)
    order = software_inventory.prepare({"applications": "Enabled"}, place)
    assert (
        json.loads((tmp_path / "task.json").read_text())["inputs"]["applications"] == "Enabled" and order.argv
    )
