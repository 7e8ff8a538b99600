"""`hostreeve run`: send a command, watch it, and end as it ended."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import Namespace
from types import FrameType
from typing import Any

from hostreeve.cli import run_plan, words
from hostreeve.cli.absence import Absence
from hostreeve.cli.client import Client
from hostreeve.cli.desk import Desk
from hostreeve.cli.following import Following, Node, Tally
from hostreeve.cli.progress import Teller
from hostreeve.cli.trouble import (
    EXIT_INTERRUPTED,
    EXIT_LOST_SIGHT,
    EXIT_NOT_SENT,
    EXIT_SOME_FAILED,
    EXIT_SUCCESS,
    NoAnswer,
    Refused,
    Trouble,
    UsageTrouble,
)
from hostreeve.kernel.world import World

SCRIPT_DOCUMENTS = ("AWS-RunShellScript", "AWS-RunPowerShellScript")
DELIVERY_S_MIN, DELIVERY_S_MAX = 30, 2_592_000
DELIVERY_S = 3600
EXECUTION_S_MIN, EXECUTION_S_MAX = 5, 172_800
POLL_S_FIRST, POLL_S_LAST = 0.02, 0.5
PATIENCE_S = 60.0
"""How long a server may be away (restarting, say) while a command is being watched."""


def run(desk: Desk, arguments: Namespace) -> int:
    """Send, follow, report. 0: every node succeeded; 1: some did not; 3: nothing was sent or matched.
    With --dry-run, the same of what would happen."""
    request = wanted(arguments)
    try:
        client = desk.client()
        if arguments.dry_run:
            return run_plan.show(desk, request, as_json=arguments.json)
        command = client.call("ssm", "SendCommand", **request)["Command"]
    except UsageTrouble:
        raise
    except Trouble as trouble:
        trouble.exit_status = EXIT_NOT_SENT
        raise
    if not arguments.follow:
        if arguments.json:
            desk.screen.json({"CommandId": command["CommandId"], "Status": command["Status"], "Nodes": []})
        else:
            desk.screen.line(command["CommandId"])
        return EXIT_SUCCESS
    return _watched(desk, client, command, arguments)


def wanted(arguments: Namespace) -> dict[str, Any]:
    """The SendCommand request that the command line asks for. UsageTrouble."""
    if not arguments.targets and not arguments.instance_ids:
        raise UsageTrouble(
            "Which nodes? Give --targets or --instance-ids.",
            "hostreeve run 'uptime' --targets tag:Role=web   (`hostreeve nodes` lists the nodes)",
        )
    if not arguments.command and not arguments.document:
        raise UsageTrouble("What shall they run? Give a command or --document.", "hostreeve run 'uptime' …")
    document = arguments.document or SCRIPT_DOCUMENTS[0]
    given = words.parameters(arguments.parameters or [])
    if arguments.command:
        text = sys.stdin.read() if arguments.command == "-" else arguments.command
        given["commands"] = [text]
    if arguments.timeout is not None and document in SCRIPT_DOCUMENTS:
        given.setdefault("executionTimeout", [str(_execution_s(arguments.timeout))])
    return {
        "DocumentName": document,
        "Parameters": given or None,
        "InstanceIds": [each for text in arguments.instance_ids or () for each in text.split(",") if each]
        or None,
        "Targets": [words.target(text) for text in arguments.targets or ()] or None,
        "MaxConcurrency": _limit(arguments.max_concurrency, "--max-concurrency", 1),
        "MaxErrors": _limit(arguments.max_errors, "--max-errors", 0),
        "TimeoutSeconds": _delivery_s(arguments.wait, arguments.timeout),
        "Comment": arguments.comment,
    }


def _delivery_s(wait_s: int | None, timeout_s: int | None) -> int | None:
    if wait_s is None:
        return None if timeout_s is None else max(DELIVERY_S_MIN, timeout_s)
    if not DELIVERY_S_MIN <= wait_s <= DELIVERY_S_MAX:
        raise UsageTrouble(f"--wait must lie between {DELIVERY_S_MIN} seconds and 30 days.")
    return wait_s


def _limit(text: str | None, option: str, least: int) -> str | None:
    return None if text is None else words.limit(text, option, least)


def _execution_s(timeout_s: int) -> int:
    if not EXECUTION_S_MIN <= timeout_s <= EXECUTION_S_MAX:
        raise UsageTrouble(f"--timeout must lie between {EXECUTION_S_MIN} and {EXECUTION_S_MAX} seconds.")
    return timeout_s


def _watched(desk: Desk, client: Client, command: dict[str, Any], arguments: Namespace) -> int:
    teller = Teller(desk.screen, desk.world, quiet=arguments.quiet, results_later=arguments.json)
    following = Following(client, desk.world, command["CommandId"], teller.heard)
    with Interrupt() as interrupt, teller:
        try:
            absence = Absence(client, desk.world.monotonic(), command.get("TimeoutSeconds", DELIVERY_S))
            _look_until_over(following, teller, interrupt, absence)
        finally:
            following.outputs.close()
    if arguments.json:
        desk.screen.json(report(following.command_id, following.tally, following.nodes))
    teller.summary(following)
    return EXIT_INTERRUPTED if interrupt.asked else exit_status(following)


def exit_status(following: Following) -> int:
    """How the command ended, as an exit status."""
    if not following.nodes:
        return EXIT_NOT_SENT
    succeeded = all(node.status == "Success" for node in following.nodes.values())
    return EXIT_SUCCESS if succeeded else EXIT_SOME_FAILED


def report(command_id: str, tally: Tally, nodes: dict[str, Node]) -> dict[str, Any]:
    """The one document that --json prints."""
    return {
        "CommandId": command_id,
        "Status": tally.status,
        "Nodes": [
            {
                "InstanceId": node.node_id,
                "Status": node.status,
                "StatusDetails": node.details,
                "ResponseCode": node.response_code,
                "StandardOutput": node.text("stdout"),
                "StandardError": node.text("stderr"),
                "seconds": node.seconds,
            }
            for node in nodes.values()
        ],
    }


def _look_until_over(following: Following, teller: Teller, interrupt: Interrupt, absence: Absence) -> None:
    interval_s, seen = POLL_S_FIRST, 0
    patience = Patience(following.world, following.command_id)
    while True:
        began = following.world.monotonic()
        try:
            if interrupt.newly_asked():
                teller.cancelling(following.command_id)
                following.client.call("ssm", "CancelCommand", CommandId=following.command_id)
            over = following.look()
            patience.answered()
        except (NoAnswer, Refused) as trouble:
            if patience.tried(trouble):
                teller.waiting(trouble)
            over = False
        teller.tell(following)
        if over:
            return
        if told := absence.news(following, following.world.monotonic()):
            teller.waiting_for(told)
        interval_s = _next_interval(interval_s, moved=following.changes != seen)
        seen = following.changes
        # With many nodes a look is work for the server too: at most half of the time is spent looking.
        interrupt.wait(max(interval_s, following.world.monotonic() - began))


def _next_interval(interval_s: float, *, moved: bool) -> float:
    if moved:
        return max(POLL_S_FIRST, interval_s / 2)
    return min(POLL_S_LAST, interval_s * 1.25)


class Patience:
    """Bears with a server that is away for a while, and with nothing else."""

    def __init__(self, world: World, command_id: str) -> None:
        self._world = world
        self._command_id = command_id
        self._since: float | None = None

    def answered(self) -> None:
        self._since = None

    def tried(self, trouble: NoAnswer | Refused) -> bool:
        """True for the first of a row of failures. Raises when they have lasted too long, or cannot pass."""
        passing = (
            isinstance(trouble, NoAnswer) or trouble.status >= 500 or trouble.code.startswith("Throttling")
        )
        first = self._since is None
        self._since = self._world.monotonic() if self._since is None else self._since
        if passing and self._world.monotonic() - self._since < PATIENCE_S:
            return first
        lost = Trouble(
            f"Lost sight of the command; it may still be running. {trouble.message}",
            f"aws ssm list-command-invocations --command-id {self._command_id}",
        )
        lost.exit_status = EXIT_LOST_SIGHT
        raise lost from trouble


class Interrupt:
    """Ctrl-C, heard: the first one is a wish that the loop grants, the second leaves at once."""

    def __init__(self) -> None:
        self.asked = False
        self._granted = False
        self._wake = threading.Event()
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def newly_asked(self) -> bool:
        """True once, after the first Ctrl-C."""
        if not self.asked or self._granted:
            return False
        self._granted = True
        self._wake.clear()
        return True

    def wait(self, seconds: float) -> None:
        self._wake.wait(seconds)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._wake.set()
