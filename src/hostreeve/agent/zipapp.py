"""The agent as one file, agent.pyz: this code and nothing else, the same bytes every time.

The server builds it from its own copy and hands it to new nodes; any Python from 3.9 on runs it.
"""

from __future__ import annotations

from pathlib import Path

from hostreeve.contract.archive import archive, room

ROOMS = ("agent", "contract", "kernel")
KINDS = ("*.py", "*.sh", "*.service")


def build_zipapp(path: Path) -> None:
    """Write the archive to `path`, executable."""
    path.write_bytes(zipapp_bytes())
    path.chmod(0o755)


def zipapp_bytes() -> bytes:
    """The archive. Its bytes depend on the sources only: no times, no order of a folder, no byte code."""
    return archive("hostreeve.agent.main", [file for name in ROOMS for file in room(name, *KINDS)])
