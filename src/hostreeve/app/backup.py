"""`hostreeve backup` and `restore`: the store, the master key and the certificates in one file.

The backup opens everything that the installation protects: keep it as you keep the state folder.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from hostreeve.app.state import StateFolder
from hostreeve.persistence.backup import backup_url, restore_from
from hostreeve.persistence.errors import StoreError

STORE = "store"
BESIDE = ("master.key", "certificates", "objects")
"""Taken after the store: files of objects never change, and stay for a while after the last row that names
them. Not `admin.env`, which shows the administrator's secret in clear: `serve` writes it again from what the
store has sealed.
"""


def backup(arguments: argparse.Namespace) -> int:
    """Write one consistent file, while serving or not. Exit code 1 with the reason when it cannot be done."""
    folder, target = StateFolder(Path(arguments.state).resolve()), Path(arguments.file).resolve()
    try:
        if not folder.master_key.exists():
            raise FileNotFoundError(f"{folder.root} is no state folder of `hostreeve serve`")
        _write(folder, _database_url(arguments, folder), target)
    except (OSError, StoreError) as error:
        sys.stderr.write(f"hostreeve backup: {error}\n")
        return 1
    sys.stdout.write(f"{target}: {target.stat().st_size:,} bytes\n")
    return 0


def restore(arguments: argparse.Namespace) -> int:
    """Fill an empty state folder from a backup. A folder that holds an installation is refused."""
    folder, source = StateFolder(Path(arguments.state).resolve()), Path(arguments.file).resolve()
    try:
        if folder.root.exists() and any(folder.root.iterdir()):
            raise FileExistsError(f"{folder.root} is not empty: name a new folder, or move the old one away")
        _fill(folder, _database_url(arguments, folder), source)
    except tarfile.ReadError:
        sys.stderr.write(f"hostreeve restore: {source} is not a file that `hostreeve backup` wrote\n")
        return 1
    except (OSError, StoreError, tarfile.TarError) as error:
        sys.stderr.write(f"hostreeve restore: {error}\n")
        return 1
    sys.stdout.write(f"restored; now: hostreeve serve --state {folder.root}\n")
    return 0


def _write(folder: StateFolder, url: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".hostreeve-backup-") as scratch:
        store, whole = Path(scratch) / STORE, Path(scratch) / "whole.tar"
        backup_url(url, store)
        with tarfile.open(whole, "w") as archive:
            archive.add(store, STORE)
            for name in BESIDE:
                _add(archive, folder.root / name, name)
        whole.chmod(0o600)
        _sync(whole)
        whole.replace(target)
    _sync(target.parent)


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """With everything below it. What goes away meanwhile is named by no row of the store any more."""
    with contextlib.suppress(FileNotFoundError):
        archive.add(path, name, recursive=False)
        if path.is_dir():
            for each in sorted(path.iterdir()):
                _add(archive, each, f"{name}/{each.name}")


def _fill(folder: StateFolder, url: str, source: Path) -> None:
    with tempfile.TemporaryDirectory(dir=source.parent, prefix=".hostreeve-restore-") as scratch:
        with tarfile.open(source) as archive:
            _unpack(archive, Path(scratch))
        found = Path(scratch)
        if not (found / STORE).exists():
            raise FileNotFoundError(f"{source} is not a file that `hostreeve backup` wrote")
        folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        restore_from(found / STORE, url)
        for name in BESIDE:
            if (found / name).exists():
                _move(found / name, folder.root / name)
    _sync(folder.root)


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Plain files and folders below `folder`, nothing else. Debian's Python has no extraction filters yet."""
    for member in archive:
        place = folder / member.name
        if not (member.isfile() or member.isdir()) or not place.resolve().is_relative_to(folder.resolve()):
            raise tarfile.TarError(f"it holds {member.name}, which no backup of Hostreeve holds")
        if member.isdir():
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            continue
        content = archive.extractfile(member)
        assert content is not None, "a plain file has content"
        with content, place.open("wb") as file:
            shutil.copyfileobj(content, file)
        place.chmod(member.mode & 0o644)


def _move(source: Path, target: Path) -> None:
    """Across file systems too, with the permissions that secrets need."""
    if source.is_dir():
        target.mkdir(mode=0o700)
        for each in sorted(source.iterdir()):
            _move(each, target / each.name)
        return
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, source.stat().st_mode & 0o644)
    with os.fdopen(descriptor, "wb") as file, source.open("rb") as whole:
        shutil.copyfileobj(whole, file)
        file.flush()
        os.fsync(file.fileno())


def _database_url(arguments: argparse.Namespace, folder: StateFolder) -> str:
    return arguments.database or f"sqlite:///{folder.database}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
