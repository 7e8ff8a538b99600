"""The script by which the patch documents' steps get the payload, check it and run it."""

from pathlib import Path

LINE = "@@patch-run@@"
"""Stands for the script in the documents' files."""
PAYLOADS = "/_hostreeve/patch-payload/"
"""Where the server hands out the payload, as `<sha256>.pyz`."""
_FILE = Path(__file__).parent.parent / "run.sh"


def script(payload_sha256: str) -> list[str]:
    """Its lines. Lines with the payload's options, `name=value`, and a last one follow in the documents."""
    return _FILE.read_text().replace("@@patch-payload-sha256@@", payload_sha256).splitlines()
