"""The command line of the payload. docs/reference/patch-payload.md says what each option means."""

import argparse
import hashlib
import json
import re
from typing import List, NamedTuple, Optional

STATE = "/var/lib/hostreeve-patch"
SCAN, INSTALL = "Scan", "Install"
REBOOT_IF_NEEDED, NO_REBOOT = "RebootIfNeeded", "NoReboot"
LOCK_WAIT_S = 600.0
_UUID = re.compile(r"(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})?\Z")


class Order(NamedTuple):
    """What a run is to do. Texts that were not given are empty."""

    operation: str
    document: str = "AWS-RunPatchBaseline"
    snapshot_id: str = ""
    install_override_list: str = ""
    reboot_option: str = REBOOT_IF_NEEDED
    baseline_override: str = ""
    association_id: str = ""
    baseline_tags: str = ""
    state: str = STATE
    snapshot_file: str = ""
    report_file: str = ""
    lock_wait_s: float = LOCK_WAIT_S

    def key(self, command_id: str) -> str:
        """The same for a run and for its continuation after a restart."""
        text = json.dumps([command_id, self[:8]], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    @property
    def is_install(self) -> bool:
        return self.operation == INSTALL


def read(argv: List[str]) -> Optional[Order]:
    """Of `run --operation …`. Exits with 2 and the usage on wrong options, as argparse does."""
    parser = argparse.ArgumentParser(prog="patch-payload", description="Scans and patches this machine.")
    commands = parser.add_subparsers(dest="command", metavar="run")
    run = commands.add_parser("run", help="scan or install, and report")
    run.add_argument("--operation", choices=(SCAN, INSTALL), required=True)
    run.add_argument("--document", default="AWS-RunPatchBaseline")
    run.add_argument("--snapshot-id", default="", type=_snapshot_id)
    run.add_argument("--install-override-list", default="")
    run.add_argument("--reboot-option", default=REBOOT_IF_NEEDED, choices=(REBOOT_IF_NEEDED, NO_REBOOT, ""))
    run.add_argument("--baseline-override", default="")
    run.add_argument("--association-id", default="")
    run.add_argument("--baseline-tags", default="")
    run.add_argument("--state", default=STATE, help="where notes are kept between runs")
    run.add_argument("--snapshot-file", default="", help="a baseline's JSON; the server is not asked")
    run.add_argument("--report-file", default="", help="write the report there; the server is not told")
    run.add_argument("--lock-wait-s", default=LOCK_WAIT_S, type=float)
    found = vars(parser.parse_args(argv))
    if found.pop("command") != "run":
        return None
    found["reboot_option"] = found["reboot_option"] or REBOOT_IF_NEEDED
    return Order(**found)


def _snapshot_id(text: str) -> str:
    if not _UUID.match(text):
        raise argparse.ArgumentTypeError("%r is no UUID" % text[:60])
    return text
