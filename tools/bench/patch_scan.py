"""What a patch scan of a host with 2,000 packages costs the node, on each package manager."""

import hashlib
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from tests.hosts import debian, redhat, suse
from tests.hosts.host import Host
from tests.hosts.payload import arguments, baseline, rule

from tools.bench.machine import row

PACKAGES = 2_000
OUTDATED = 200
OTHERS = 20_000
"""Packages that the repositories have besides."""
RUNS = 5
SAMPLE_S = 0.005
TIME_BUDGET, MEMORY_BUDGET = "3 s", "80 MB"
RULES = baseline(rule(0, classification=["*"]), rule(None, non_security=True, product=["*"]))


def run() -> None:
    """Per package manager: the clock and the memory of a whole scan, its processes together."""
    for name, made in (("apt", _apt_host), ("dnf", _dnf_host), ("zypper", _zypper_host)):
        folder = Path(tempfile.mkdtemp(prefix="patch-scan-"))
        try:
            _measure(name, made(folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _measure(name: str, host: Host) -> None:
    try:
        argv = arguments(host, "Scan", RULES, {})
        taken = [_scanned(host, argv) for _ in range(RUNS + 1)][1:]
    finally:
        host.close()
    times, peaks = sorted(each[0] for each in taken), sorted(each[1] for each in taken)
    what = f"scan by {name}, {PACKAGES:,} packages, {OUTDATED} outdated"
    row(what, f"{times[len(times) // 2]:.2f} s", TIME_BUDGET, f"{times[0]:.2f} to {times[-1]:.2f}")
    row(
        what + ", memory", f"{peaks[-1] / 1024:.0f} MB", MEMORY_BUDGET, "all its processes, shared pages once"
    )


def _scanned(host: Host, argv: list[str]) -> tuple[float, int]:
    """Seconds, and the highest sum of proportional memory, in KB."""
    peak, is_over = [0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(host.pid, peak, is_over))
    watcher.start()
    began = time.monotonic()
    done = host.run(*argv, check=False)
    took = time.monotonic() - began
    is_over.set()
    watcher.join()
    assert done.returncode == 0 and f"Missing {OUTDATED}," in done.stdout, (done.stdout[:400], done.stderr)
    return took, peak[0]


def _watch(init: int, peak: list[int], is_over: threading.Event) -> None:
    space = Path(f"/proc/{init}/ns/pid").readlink()
    while not is_over.wait(SAMPLE_S):
        peak[0] = max(peak[0], sum(_proportional_kb(process, space) for process in Path("/proc").iterdir()))


def _proportional_kb(process: Path, space: Path) -> int:
    try:
        if not process.name.isdigit() or (process / "ns/pid").readlink() != space:
            return 0
        lines = (process / "smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def _version(number: int) -> str:
    return "1.1" if number < OUTDATED else "1.0"


def _apt_host(folder: Path) -> Host:
    """Its database is written, not installed: dpkg reads the same file either way."""
    made = debian.Repository(folder / "archive")
    made.suite("bookworm", [])
    entry = (
        "Package: {0}\nVersion: {1}\nArchitecture: amd64\nMaintainer: T <t@example.com>\nPriority: optional\n"
    )
    entry += "Section: utils\nDescription: {0}\nDepends: {2}\n"
    offered = [
        entry.format(f"package{n}", _version(n), f"package{n + 1}")
        + f"Filename: pool/package{n}.deb\nSize: 1000\nSHA256: {hashlib.sha256(b'%d' % n).hexdigest()}\n"
        for n in range(PACKAGES + OTHERS)
    ]
    made.raw("bookworm-security", "\n".join(offered).encode(), label="Debian-Security")
    host = debian.debian(folder, made)
    status = [
        entry.format(f"package{n}", "1.0", f"package{n + 1}") + "Status: install ok installed\n"
        for n in range(PACKAGES)
    ]
    host.write("/var/lib/dpkg/status", "\n".join(status))
    host.write("/var/lib/dpkg/info/format", "1\n")
    for n in range(PACKAGES):
        host.write(f"/var/lib/dpkg/info/package{n}.list", "/.\n")
    return host


def _dnf_host(folder: Path) -> Host:
    host = redhat.redhat(folder, _yum_repository(folder))
    return _with_rpms(host, folder)


def _zypper_host(folder: Path) -> Host:
    host = suse.suse(folder, _yum_repository(folder))
    return _with_rpms(host, folder)


def _with_rpms(host: Host, folder: Path) -> Host:
    installed = " ".join(f"{folder}/pool/package{n}-1.0-1.noarch.rpm" for n in range(PACKAGES))
    host.run("sh", "-c", f"rpm -i --justdb --nodeps --force --nosignature {installed}")
    return host


def _yum_repository(folder: Path) -> redhat.YumRepository:
    """All packages, and an advisory for each that is outdated."""
    made = redhat.YumRepository(folder / "pool")
    names = [(f"package{n}", "1.0") for n in range(PACKAGES)]
    names += [(f"package{n}", "1.1") for n in range(OUTDATED)]
    _built(folder, "1.0", [name for name, version in names if version == "1.0"])
    _built(folder, "1.1", [name for name, version in names if version == "1.1"])
    notices = [
        redhat.Advisory(f"RLSA-{n}", "security", (redhat.Rpm(f"package{n}", "1.1"),), "Important")
        for n in range(OUTDATED)
    ]
    made.index(notices)
    return made


def _built(folder: Path, version: str, names: list[str]) -> None:
    """Many packages by one run of rpmbuild."""
    spec = folder / f"many-{version}.spec"
    head = f"Name: many\nVersion: {version}\nRelease: 1\nSummary: many\nLicense: MIT\nBuildArch: noarch\n"
    head += "%description\nmany\n"
    parts = [
        f"%package -n {name}\nSummary: {name}\n%description -n {name}\n{name}\n%files -n {name}\n"
        for name in names
    ]
    spec.write_text(head + "".join(parts))
    argv = [
        "rpmbuild",
        "-bb",
        "--quiet",
        "--define",
        f"_topdir {folder}/top",
        "--define",
        f"_rpmdir {folder}/pool",
    ]
    argv += ["--define", "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", str(spec)]
    (folder / "pool").mkdir(exist_ok=True)
    subprocess.run(argv, check=True, capture_output=True)
