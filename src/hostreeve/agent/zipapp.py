"""The agent as one file, agent.pyz: this code and nothing else, the same bytes every time.

The server builds it from its own copy and hands it to new nodes; any Python from 3.9 on runs it.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import List

ROOMS = ("agent", "contract", "kernel")
KINDS = ("*.py", "*.sh", "*.service")

_MAIN = """import sys
from hostreeve.agent.main import main
sys.exit(main())
"""
_SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build_zipapp(path: Path) -> None:
    """Write the archive to `path`, executable."""
    path.write_bytes(zipapp_bytes())
    path.chmod(0o755)


def zipapp_bytes() -> bytes:
    """The archive. Its bytes depend on the sources only: no times, no order of a folder, no byte code."""
    package = Path(__file__).parents[1]
    archive = io.BytesIO(_SHEBANG)
    archive.seek(len(_SHEBANG))
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        _add(bundle, "__main__.py", _MAIN.encode())
        _add(bundle, "hostreeve/__init__.py", b"")
        for source in _sources(package):
            _add(bundle, f"hostreeve/{source.relative_to(package).as_posix()}", source.read_bytes())
    return archive.getvalue()


def _sources(package: Path) -> List[Path]:
    rooms = [package / room for room in ROOMS]
    found = [file for room in rooms for kind in KINDS for file in room.rglob(kind)]
    return sorted(found, key=lambda source: source.relative_to(package).as_posix())


def _add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    bundle.writestr(entry, content)
