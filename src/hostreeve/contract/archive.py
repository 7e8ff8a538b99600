"""Code of ours as one file that Python runs: the same bytes every time, for nodes to fetch."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Iterable, List

_SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = """import sys
from {module} import main
sys.exit(main({arguments}))
"""


def archive(module: str, sources: Iterable[Path], *, arguments: str = "") -> bytes:
    """The files of this package in `sources`, and a start that calls `main` of `module`.

    Its bytes depend on the sources only: no times, no order of a folder, no byte code.
    """
    package = Path(__file__).parents[1]
    bundled = io.BytesIO(_SHEBANG)
    bundled.seek(len(_SHEBANG))
    with zipfile.ZipFile(bundled, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        _add(bundle, "__main__.py", _MAIN.format(module=module, arguments=arguments).encode())
        _add(bundle, "hostreeve/__init__.py", b"")
        for source in sorted(sources, key=lambda source: source.relative_to(package).as_posix()):
            _add(bundle, f"hostreeve/{source.relative_to(package).as_posix()}", source.read_bytes())
    return bundled.getvalue()


def room(name: str, *kinds: str) -> List[Path]:
    """The files of one of this package's rooms."""
    package = Path(__file__).parents[1]
    return [file for kind in kinds for file in (package / name).rglob(kind)]


def _add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    bundle.writestr(entry, content)
