"""The agent's command line: enrol, run, status."""

from __future__ import annotations

import json
import os
import sys
from typing import Dict, List, Optional, Tuple

from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.agent.state import Refused, State
from hostreeve.kernel.world import RealWorld

USAGE = """hostreeve-agent: makes this machine a managed node

  hostreeve-agent enrol --server URL --ca FILE --activation-id ID --activation-code CODE --state DIR
                        [--region NAME] [--as-instance] [--force]
  hostreeve-agent run --state DIR
  hostreeve-agent status --state DIR [--json]
  hostreeve-agent version
"""

# Each command's options; True when a value follows.
OPTIONS: Dict[str, Dict[str, bool]] = {
    "enrol": {
        "--server": True,
        "--ca": True,
        "--activation-id": True,
        "--activation-code": True,
        "--state": True,
        "--region": True,
        "--as-instance": False,
        "--force": False,
    },
    "run": {"--state": True},
    "status": {"--state": True, "--json": False},
    "version": {},
}


def main(argv: Optional[List[str]] = None) -> int:
    """0: done; 1: refused, or for `status` not connected; 2: a wrong command line."""
    _open_standard_files()
    arguments = sys.argv[1:] if argv is None else argv
    try:
        command, options = _parsed(arguments)
        return _COMMANDS[command](options)
    except _WrongUsage as wrong:
        sys.stderr.write(f"{wrong}\n\n{USAGE}" if str(wrong) else USAGE)
        return 2 if str(wrong) else 0
    except Refused as refused:
        sys.stderr.write(f"hostreeve-agent: {refused}\n")
        return 1


class _WrongUsage(Exception):
    """The command line makes no sense; an empty text asks for help."""


def _parsed(arguments: List[str]) -> Tuple[str, Dict[str, str]]:
    # argparse alone would hold 1.4 MB for as long as the agent runs.
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        raise _WrongUsage("")
    command, rest = arguments[0], list(arguments[1:])
    if command not in OPTIONS:
        raise _WrongUsage(f"unknown command: {command}")
    options: Dict[str, str] = {}
    while rest:
        name, has_value, value = rest.pop(0).partition("=")
        if name in ("-h", "--help"):
            raise _WrongUsage("")
        if name not in OPTIONS[command]:
            raise _WrongUsage(f"{command} has no option {name}")
        if OPTIONS[command][name] and not has_value:
            if not rest:
                raise _WrongUsage(f"{name} needs a value")
            value = rest.pop(0)
        options[name] = value
    return command, options


def _enrol(options: Dict[str, str]) -> int:
    from hostreeve.agent.enrol import Invitation, enrol

    for name in ("--server", "--ca", "--activation-id", "--activation-code", "--state"):
        if not options.get(name):
            raise _WrongUsage(f"enrol needs {name}")
    invitation = Invitation(
        server=options["--server"],
        ca_file=options["--ca"],
        activation_id=options["--activation-id"],
        activation_code=options["--activation-code"],
        region=options.get("--region", ""),
        as_instance="--as-instance" in options,
    )
    node = enrol(RealWorld(), State(options["--state"]), invitation, force="--force" in options)
    sys.stdout.write(
        f"enrolled as {node.node_id} in {node.region}\n"
        f"next: hostreeve-agent run --state {options['--state']}\n"
    )
    return 0


def _run(options: Dict[str, str]) -> int:
    from hostreeve.agent.agent import run

    if not options.get("--state"):
        raise _WrongUsage("run needs --state")
    return run(State(options["--state"]))


def _status(options: Dict[str, str]) -> int:
    from hostreeve.agent.status import read

    if not options.get("--state"):
        raise _WrongUsage("status needs --state")
    status = read(State(options["--state"]), RealWorld().now_ms())
    if "--json" in options:
        sys.stdout.write(json.dumps(status) + "\n")
    else:
        for name, value in status.items():
            sys.stdout.write(f"{name}: {value}\n")
    return 0 if status["Connection"] in ("channel", "polling") else 1


def _version(options: Dict[str, str]) -> int:
    sys.stdout.write(f"{AGENT_VERSION}\n")
    return 0


def _open_standard_files() -> None:
    """Descriptors 0 to 2 must exist, or the next socket would become some command's standard output."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor < 3:
        descriptor = os.dup(descriptor)
    os.close(descriptor)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w"))


_COMMANDS = {"enrol": _enrol, "run": _run, "status": _status, "version": _version}

if __name__ == "__main__":
    sys.exit(main())
