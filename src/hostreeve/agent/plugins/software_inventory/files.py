"""AWS:File: files in folders that the document names, by pattern."""

from __future__ import annotations

import fnmatch
import json
import os
import stat
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

from hostreeve.agent.plugins.software_inventory.root import Root, Row, told
from hostreeve.agent.plugins.worker import StepFailed

FILES_MAX = 500
FOLDERS_MAX_DEFAULT = 5_000


def gather(root: Root, wanted: str) -> List[Row]:
    """`wanted` is JSON: `[{"Path", "Pattern": […], "Recursive", "DirScanLimit"}]`. StepFailed when it is not,
    and when there are too many files or folders."""
    found: Dict[str, Row] = {}
    for each in _read(wanted):
        limit = int(each.get("DirScanLimit") or FOLDERS_MAX_DEFAULT)
        folder = os.path.expandvars(str(each["Path"]))
        deep = str(each.get("Recursive", False)).lower() == "true"
        for entry in _files(root, folder, each["Pattern"], limit=limit, deep=deep):
            found.setdefault(entry.path, _row(root, entry))
            if len(found) > FILES_MAX:
                raise StepFailed(
                    f"there are more than {FILES_MAX} such files; name fewer folders or patterns"
                )
    return [found[path] for path in sorted(found)]


def _read(wanted: str) -> List[Dict[str, Any]]:
    try:
        given = json.loads(wanted)
    except ValueError:
        raise StepFailed("files is not JSON") from None
    good = isinstance(given, list) and all(
        isinstance(each, dict)
        and isinstance(each.get("Path"), str)
        and isinstance(each.get("Pattern"), list)
        and all(isinstance(pattern, str) for pattern in each["Pattern"])
        and str(each.get("DirScanLimit") or 0).isdigit()
        for each in given
    )
    if not good:
        raise StepFailed('files must be like [{"Path": "/etc", "Pattern": ["*.conf"], "Recursive": true}]')
    return list(given)


def _files(
    root: Root, folder: str, patterns: List[str], *, limit: int, deep: bool
) -> "Iterator[os.DirEntry[str]]":
    """Folders that are not there, or that may not be read, have no files. Links are not followed."""
    waiting, seen = [str(root.path(folder))], 0
    while waiting:
        seen += 1
        if seen > limit:
            raise StepFailed(f"{folder} has more than {limit} folders (DirScanLimit)")
        try:
            entries = sorted(os.scandir(waiting.pop()), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if deep:
                    waiting.append(entry.path)
            elif any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in patterns):
                yield entry


def _row(root: Root, entry: "os.DirEntry[str]") -> Row:
    try:
        about = entry.stat(follow_symlinks=False)
    except OSError:
        return told(Name=entry.name)
    folder = str(Path(entry.path).parent)
    shown = folder if str(root.folder) == "/" else folder[len(str(root.folder)) :] or "/"
    return told(
        Name=entry.name,
        Size=about.st_size if stat.S_ISREG(about.st_mode) else "",
        InstalledDir=shown,
        ModificationTime=_zulu(about.st_mtime),
        LastAccessTime=_zulu(about.st_atime),
    )


def _zulu(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
