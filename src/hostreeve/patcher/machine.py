"""The host: which system it is, when it was started, one run at a time."""

import fcntl
import os
import re
import time
from typing import IO, Dict, NamedTuple, Optional

from hostreeve.patcher.model import APK, APT, RPM, ZYPP
from hostreeve.patcher.trouble import LOCKED, Trouble


class System(NamedTuple):
    """`operating_system` is AWS's word for a baseline's, `product` its word for the version."""

    operating_system: str
    product: str
    family: str


_SYSTEMS = {
    "ubuntu": ("UBUNTU", "Ubuntu", APT),
    "debian": ("DEBIAN", "Debian", APT),
    "raspbian": ("RASPBIAN", "Raspbian", APT),
    "rhel": ("REDHAT_ENTERPRISE_LINUX", "RedhatEnterpriseLinux", RPM),
    "rocky": ("ROCKY_LINUX", "RockyLinux", RPM),
    "almalinux": ("ALMA_LINUX", "AlmaLinux", RPM),
    "ol": ("ORACLE_LINUX", "OracleLinux", RPM),
    "centos": ("CENTOS", "CentOS", RPM),
    "sles": ("SUSE", "Suse", ZYPP),
    "sles_sap": ("SUSE", "Suse", ZYPP),
    # AWS has none for these; the server has (docs/reference/patch.md).
    "fedora": ("CENTOS", "Fedora", RPM),
    "opensuse-leap": ("SUSE", "OpenSuse", ZYPP),
    "opensuse-tumbleweed": ("SUSE", "OpenSuse", ZYPP),
    "alpine": ("ALPINE_LINUX", "Alpine", APK),
}
_AMAZON = {
    "2": ("AMAZON_LINUX_2", "AmazonLinux2.0"),
    "2022": ("AMAZON_LINUX_2022", "AmazonLinux2022"),
    "2023": ("AMAZON_LINUX_2023", "AmazonLinux2023"),
}


def system(text: str) -> Optional[System]:
    """Of /etc/os-release. None for a system that AWS has no baselines for (but Alpine, which we know)."""
    members = _members(text)
    name, version = members.get("ID", "").lower(), members.get("VERSION_ID", "")
    if name == "amzn":
        operating_system, product = _AMAZON.get(version, ("AMAZON_LINUX", "AmazonLinux" + version))
        return System(operating_system, product, RPM)
    if name not in _SYSTEMS:
        return None
    operating_system, word, family = _SYSTEMS[name]
    return System(operating_system, word + version, family)


def this_system() -> Optional[System]:
    """Of the host that this runs on."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return system(file.read())
        except OSError:
            continue
    return None


def boot() -> str:
    """Differs after every start of the machine."""
    for path, pattern in (("/proc/sys/kernel/random/boot_id", r"(\S+)"), ("/proc/stat", r"btime (\d+)")):
        try:
            with open(path, encoding="ascii") as file:
                found = re.search(pattern, file.read())
        except OSError:
            continue
        if found:
            return found.group(1)
    return ""


def now_ms() -> int:
    return int(time.time() * 1000)


class OneAtATime:
    """A lock that ends with the process, so that two commands do not install at the same time."""

    def __init__(self, folder: str, wait_s: float) -> None:
        self._path, self._wait_s = os.path.join(folder, "lock"), wait_s
        self._file: Optional[IO[str]] = None

    def __enter__(self) -> "OneAtATime":
        self._file = open(self._path, "w", encoding="ascii")
        begun = time.monotonic()
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self
            except OSError:
                if time.monotonic() - begun >= self._wait_s:
                    raise Trouble(LOCKED, "another patch operation is running on this node") from None
            time.sleep(0.5)

    def __exit__(self, *ignored: object) -> None:
        if self._file is not None:
            self._file.close()


def _members(text: str) -> Dict[str, str]:
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value.strip().strip("\"'")
    return found
