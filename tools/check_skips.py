"""Fails when the test run skipped something that tests/allowed-skips.txt does not list (by a part of its
reason)."""

import re
import sys
from pathlib import Path

ALLOWED = Path(__file__).parent.parent / "tests" / "allowed-skips.txt"


def main(output: Path) -> int:
    reasons = [line for line in ALLOWED.read_text().splitlines() if line and not line.startswith("#")]
    skipped = [line for line in output.read_text().splitlines() if re.match(r"SKIPPED \[", line)]
    unlisted = [line for line in skipped if not any(reason in line for reason in reasons)]
    for line in unlisted:
        print(f"not listed in {ALLOWED.name}: {line}")
    print(f"{len(skipped)} lines of skips, {len(unlisted)} not listed")
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
