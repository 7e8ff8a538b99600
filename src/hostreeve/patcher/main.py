"""The payload's entry: `python3 PAYLOAD run --operation Scan …`."""

import os
import sys
from typing import List

from hostreeve.patcher import dnf_query, flow, options
from hostreeve.patcher.failure import DEPENDENCY, FAILED, Failure
from hostreeve.patcher.trouble import DEPENDENCY as UNMET
from hostreeve.patcher.trouble import Trouble


def main(argv: List[str]) -> int:
    """The exit code; the last line on standard error says in one sentence what went wrong."""
    if argv[:1] == ["dnf-query"]:
        return dnf_query.main(argv[1])
    order = options.read(argv)
    if order is None:
        print("usage: patch-payload run --operation Scan|Install", file=sys.stderr)
        return 2
    try:
        return flow.run(order, os.environ.get("SSM_COMMAND_ID", ""))
    except Failure as wrong:
        print(str(wrong), file=sys.stderr)
        return wrong.code
    except Trouble as wrong:
        print(str(wrong), file=sys.stderr)
        return DEPENDENCY if wrong.kind == UNMET else FAILED
    except OSError as wrong:
        print("this machine is in the way: %s" % wrong, file=sys.stderr)
        return FAILED
