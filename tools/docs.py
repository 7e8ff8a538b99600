"""`make docs`: writes everything under docs/reference that is generated."""

import sys

from hostreeve.app.compose import OPERATIONS
from tools import cli_page, coverage_page


def main() -> int:
    coverage_page.write(OPERATIONS)
    return cli_page.main([])


if __name__ == "__main__":
    sys.exit(main())
