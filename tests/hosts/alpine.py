"""Alpine packages, their signed repositories, and hosts of apk's family, made on the spot."""

import gzip
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

from tests.hosts.host import Host

OS_RELEASE = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n'
OWN = ("/etc/apk", "/lib/apk", "/var/cache/apk")
KEY = "tests.rsa"


class Apk(NamedTuple):
    """A package to build. `files`: content by path; `scripts`: by name (`.post-upgrade`, …)."""

    name: str
    version: str
    arch: str = "x86_64"
    depends: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()

    def info(self, digest: str) -> str:
        lines = [f"pkgname = {self.name}", f"pkgver = {self.version}", f"pkgdesc = {self.name}"]
        lines += [f"arch = {self.arch}", "size = 1", "license = MIT", f"origin = {self.name}"]
        lines += [f"depend = {each}" for each in self.depends]
        return "\n".join([*lines, f"datahash = {digest}", ""])


class ApkRepository:
    """A repository signed with a key of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder.parent / KEY
        folder.mkdir(parents=True)
        _quietly("openssl", "genrsa", "-out", str(self.key), "2048")
        _quietly("openssl", "rsa", "-in", str(self.key), "-pubout", "-out", f"{self.key}.pub")

    def publish(self, packages: list[Apk]) -> None:
        """These packages, in place of what it had."""
        place = self.folder / "x86_64"
        place.mkdir(exist_ok=True)
        # Written in place: a host sees this folder through its overlay, which remembers files by name.
        wanted = {place / f"{each.name}-{each.version}.apk": each for each in packages}
        for file in set(place.glob("*.apk")) - set(wanted):
            file.unlink()
        for file, package in wanted.items():
            file.write_bytes(_built(package))
        index = place / "index"
        built = sorted(str(file) for file in place.glob("*.apk"))
        _quietly("apk", "index", "--allow-untrusted", "--quiet", "--output", str(index), *built)
        (place / "APKINDEX.tar.gz").write_bytes(self._signature(index) + index.read_bytes())
        index.unlink()

    def _signature(self, index: Path) -> bytes:
        signed = subprocess.run(
            ["openssl", "dgst", "-sha1", "-sign", self.key, index], check=True, capture_output=True
        )
        return _segment({f".SIGN.RSA.{KEY}.pub": signed.stdout}, is_last=False)


def alpine(folder: Path, repository: ApkRepository) -> Host:
    """A host with an empty package database that knows this repository."""
    host = Host(folder, OS_RELEASE, OWN)
    host.write("/etc/apk/arch", "x86_64\n")
    host.write("/etc/apk/repositories", f"{repository.folder}\n")
    host.write(f"/etc/apk/keys/{KEY}.pub", Path(f"{repository.key}.pub").read_bytes())
    host.write("/etc/apk/world", "")
    host.run("apk", "add", "--initdb")
    return host


def install(host: Host, *wanted: str) -> None:
    """By the administrator, not by Patch Manager. What was named with a version is not kept at it."""
    host.run("apk", "add", "--quiet", *wanted)
    names = sorted(each.split("=")[0] for each in wanted)
    host.write("/etc/apk/world", "\n".join([*names, ""]))


def versions(host: Host) -> dict[str, str]:
    """What is installed, by name."""
    found, name = {}, ""
    for line in host.read("/lib/apk/db/installed").splitlines():
        if line.startswith("P:"):
            name = line[2:]
        elif line.startswith("V:"):
            found[name] = line[2:]
    return found


def _built(package: Apk) -> bytes:
    data = _segment({path.lstrip("/"): text.encode() for path, text in package.files}, is_last=True)
    info = package.info(hashlib.sha256(data).hexdigest()).encode()
    scripts = {name: f"#!/bin/sh\n{text}\n".encode() for name, text in package.scripts}
    return _segment({".PKGINFO": info, **scripts}, is_last=False) + data


def _segment(files: dict[str, bytes], *, is_last: bool) -> bytes:
    """A gzip member with a tar of these files. All but the last lack the tar's end."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as bundle:
        for folder in sorted({str(up) for name in files for up in Path(name).parents} - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            bundle.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            entry.pax_headers = {"APK-TOOLS.checksum.SHA1": digest} if is_last else {}
            bundle.addfile(entry, io.BytesIO(content))
        end = bundle.offset
    content = made.getvalue() if is_last else made.getvalue()[:end]
    return gzip.compress(content, mtime=0)


def _quietly(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
