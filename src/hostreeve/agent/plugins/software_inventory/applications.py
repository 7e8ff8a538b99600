"""AWS:Application and AWS:AWSComponent: the packages of dpkg, rpm and apk."""

from __future__ import annotations

import contextlib
import time
from typing import Iterable, List

from hostreeve.agent.plugins.software_inventory.root import Root, Row, blocks, told

_ARCHITECTURES = {"amd64": "x86_64", "i386": "i386", "i686": "i386"}
_RPM_FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
_RPM_FIELDS = (
    "NAME",
    "VERSION",
    "RELEASE",
    "EPOCH",
    "VENDOR",
    "GROUP",
    "ARCH",
    "URL",
    "INSTALLTIME",
    "SOURCERPM",
    "SUMMARY",
)
_COMPONENTS = frozenset(
    (
        "amazon-cloudwatch-agent",
        "amazon-efs-utils",
        "amazon-ssm-agent",
        "aws-amitools-ec2",
        "aws-apitools-as",
        "aws-apitools-common",
        "aws-apitools-ec2",
        "aws-apitools-elb",
        "aws-apitools-mon",
        "aws-cfn-bootstrap",
        "aws-cli",
        "aws-kinesis-agent",
        "awscli",
        "ec2-hibinit-agent",
        "ec2-instance-connect",
        "ec2-net-utils",
        "ec2-utils",
        "hibagent",
    )
)
_COMPONENT_FIELDS = (
    "Name",
    "ApplicationType",
    "Publisher",
    "Version",
    "InstalledTime",
    "Architecture",
    "URL",
)


def gather(root: Root) -> List[Row]:
    """All packages that are installed, by name."""
    found = [*_dpkg(root), *_rpm(root), *_apk(root)]
    return sorted(found, key=lambda row: (row["Name"], row.get("Architecture", "")))


def components(applications: Iterable[Row]) -> List[Row]:
    """Those of the packages that are AWS's own."""
    return [
        {name: row[name] for name in _COMPONENT_FIELDS if name in row}
        for row in applications
        if row["Name"] in _COMPONENTS
    ]


def _dpkg(root: Root) -> List[Row]:
    """As official agents write it: the version whole, with epoch and revision; the name of the package's file
    as its id. They tell no time of installation, which dpkg's own list of files has."""
    found = []
    for each in blocks(root.text("/var/lib/dpkg/status")):
        if each.get("Status", "").split()[-1:] != ["installed"]:
            continue
        name, version, architecture = each["Package"], each.get("Version", ""), each.get("Architecture", "")
        found.append(
            told(
                Name=name,
                Version=version,
                Publisher=each.get("Maintainer", ""),
                ApplicationType=each.get("Section", ""),
                Architecture=_ARCHITECTURES.get(architecture, architecture),
                URL=each.get("Homepage", ""),
                Summary=each.get("Description", "").partition("\n")[0],
                PackageId=f"{name}_{version}_{architecture}.deb",
                InstalledTime=_listed_time(root, name, architecture),
            )
        )
    return found


def _listed_time(root: Root, name: str, architecture: str) -> str:
    """When dpkg wrote the list of the package's files."""
    for listed in (f"{name}.list", f"{name}:{architecture}.list"):
        with contextlib.suppress(OSError):
            return _zulu(root.path(f"/var/lib/dpkg/info/{listed}").stat().st_mtime)
    return ""


def _rpm(root: Root) -> List[Row]:
    if not any(root.path(folder).is_dir() for folder in _RPM_FOLDERS):
        return []
    form = "\\t".join(f"%{{{field}}}" for field in _RPM_FIELDS) + "\\n"
    elsewhere = [] if str(root.folder) == "/" else ["--root", str(root.folder)]
    found = []
    for line in (root.said_by("rpm", *elsewhere, "-qa", "--queryformat", form) or "").splitlines():
        values = line.split("\t", len(_RPM_FIELDS) - 1)
        if len(values) < len(_RPM_FIELDS) or values[0] == "gpg-pubkey":
            continue
        of = {name: "" if values[n] == "(none)" else values[n] for n, name in enumerate(_RPM_FIELDS)}
        found.append(
            told(
                Name=of["NAME"],
                Version=of["VERSION"],
                Release=of["RELEASE"],
                Epoch=of["EPOCH"],
                Publisher=of["VENDOR"],
                ApplicationType=of["GROUP"],
                Architecture=_ARCHITECTURES.get(of["ARCH"], of["ARCH"]),
                URL=of["URL"],
                Summary=of["SUMMARY"],
                PackageId=of["SOURCERPM"],
                InstalledTime=_zulu(float(of["INSTALLTIME"])) if of["INSTALLTIME"].isdigit() else "",
            )
        )
    return found


def _apk(root: Root) -> List[Row]:
    """apk does not say when it installed something."""
    found = []
    for each in blocks(root.text("/lib/apk/db/installed")):
        architecture = each.get("A", "")
        found.append(
            told(
                Name=each.get("P", ""),
                Version=each.get("V", ""),
                Publisher=each.get("m", ""),
                Architecture=_ARCHITECTURES.get(architecture, architecture),
                URL=each.get("U", ""),
                Summary=each.get("T", ""),
                PackageId=f"{each.get('P', '')}-{each.get('V', '')}.apk",
            )
        )
    return [row for row in found if "Name" in row]


def _zulu(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
