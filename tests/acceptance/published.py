"""What others have printed, as docs/reference/seed-repairs.md has it, repaired as its tables say."""

import json
import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "seed-repairs.md"


def printed(section):
    """The text of a section's first block, as the page has it."""
    text = PAGE.read_text().split(f"\n## {section}\n", 1)[1].split("\n## ")[0]
    return re.search(r"```\w*\n(.*?)```", text, re.DOTALL)[1]


def repaired(section, **mine):
    """The block after the repairs that stand in the section's table, with what is the reader's own put in."""
    text = printed(section)
    table = PAGE.read_text().split(f"\n## {section}\n", 1)[1].split("\n## ")[0]
    for was, becomes in re.findall(r"^\| `([^`]*)` \| `([^`]*)` \|", table, re.MULTILINE):
        assert was in text, f"{was!r} is not printed"
        text = text.replace(was, becomes)
    for name, value in mine.items():
        assert f"<{name}>" in text, f"nothing is <{name}>"
        text = text.replace(f"<{name}>", value)
    return text


def typed(site, command, environment=None):
    """The answer to a command typed into a shell beside the plain AWS command line."""
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        env=environment or site.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
