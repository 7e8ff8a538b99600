"""Tables of the documentation, for tests that prove each of their rows."""

from pathlib import Path

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"


def first_cells(page: str, heading: str) -> list[str]:
    """What the rows of the first table under a heading are about, without its head."""
    section = (REFERENCE / page).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [row.split("|")[1].strip() for row in rows[2:]]
