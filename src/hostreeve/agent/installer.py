"""The script that the one-line installer runs, once the line has verified it (see contract/installer.py)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}\Z").match
_TEMPLATE = "install.sh"


def installer_script(server_url: str, ca_sha256: str, region: str = "") -> str:
    """install.sh for this server; it expects ca.pem beside it. ValueError for values unfit for a script."""
    template = Path(__file__).with_name(_TEMPLATE)
    # In an archive the template lies where only the loader can read it.
    text = template.read_text(encoding="utf-8") if template.exists() else _from_archive()
    for name, value in (
        ("SERVER", _checked_url(server_url)),
        ("CA_SHA256", _checked_digest(ca_sha256)),
        ("REGION", region),
    ):
        text = text.replace(f"@{name}@", shlex.quote(value))
    return text


def _from_archive() -> str:
    import pkgutil

    content = pkgutil.get_data("hostreeve.agent", _TEMPLATE)
    assert content is not None, "the installer's template is part of the package"
    return content.decode("utf-8")


def _checked_url(url: str) -> str:
    if not re.match(r"https://[^\s'\"\\$`]+\Z", url):
        raise ValueError(f"not an https address: {url!r}")
    return url.rstrip("/")


def _checked_digest(digest: str) -> str:
    if not _SHA256(digest):
        raise ValueError("the SHA-256 of the CA certificate must be 64 lower-case hexadecimal digits")
    return digest
