"""Watching a command: which nodes it reached, how each fares, and what each has printed so far."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from hostreeve.cli.client import Client
from hostreeve.cli.trouble import Refused
from hostreeve.kernel.world import World

Stream = Literal["stdout", "stderr"]
STREAMS: tuple[Stream, Stream] = ("stdout", "stderr")
TERMINAL = frozenset(("Success", "Failed", "Cancelled", "TimedOut"))
STARTED = frozenset(("InProgress", "Cancelling"))

CHUNK_BYTES = 1 << 20
PAGE = 50
FOLLOWED_MAX = 32
"""Nodes whose output is followed while they run; the others' is read when they have ended."""
READERS = 8
LARGE = 100
"""From so many nodes on, short output is taken from the list itself not asked for node by node."""
SWEEP_SHARE = 4
"""A look through the list of all nodes takes at most one part in so many of the time."""
LATE_NODES_S = 10.0
"""How long nodes may show no end after the command as a whole has ended."""
LATE_OUTPUT_S = 5.0
"""How long the rest of a node's output may take after its end was reported."""

# What stands between standard output and standard error, and where either was cut, in a plugin's `Output`.
_MIXED = (
    "----------ERROR-------",
    "---Output truncated---",
    "---Error truncated----",
    "--output truncated--",
)
_SHORT = 2000


@dataclass
class Printed:
    """One stream of one step: its text so far, and how far it has been read."""

    node_id: str
    step: str
    stream: Stream
    offset: int = 0
    closed: bool = False
    """The server says that no more will come."""
    complete: bool = False
    """The same, and the node has ended: a step that reboots its node begins anew."""
    text: list[str] = field(default_factory=list)
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )


@dataclass
class Node:
    """One invocation of the command."""

    node_id: str
    name: str = ""
    status: str = "Pending"
    details: str = "Pending"
    response_code: int = -1
    seconds: float | None = None
    ended_at: float | None = None
    read: bool = False
    cut: bool = False
    """Some of its output did not arrive in time."""
    printed: dict[tuple[str, Stream], Printed] = field(default_factory=dict)
    short: str | None = None
    """All that was printed, when the list itself told."""

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    def text(self, stream: Stream) -> str:
        """Everything that the node's steps wrote to a stream, in the order of the steps."""
        return "".join("".join(each.text) for each in self.printed.values() if each.stream == stream)


@dataclass(frozen=True)
class Tally:
    """The command as a whole."""

    status: str = "Pending"
    details: str = "Pending"
    targets: int = 0
    completed: int = 0
    errors: int = 0


Heard = Callable[[Node, Stream, str], None]


class Following:
    """Looks at a command again and again; `look()` says whether all is over.

    `heard(node, stream, text)` is called in order for each stream, from the thread that calls `look`.
    """

    def __init__(self, client: Client, world: World, command_id: str, heard: Heard) -> None:
        self.client = client
        self.world = world
        self.command_id = command_id
        self.heard = heard
        self.tally = Tally()
        self.nodes: dict[str, Node] = {}
        self.outputs = Outputs(client, command_id)
        self.changes = 0
        """How often anything was seen to move; tells the caller how eagerly to look again."""
        self._sweep_due = 0.0
        self._over_since: float | None = None

    def look(self) -> bool:
        """One look at the server: True once the command and every node have ended and all output is read."""
        self.tally = self._tallied()
        over = self.tally.status in TERMINAL
        now = self.world.monotonic()
        if now >= self._sweep_due or (over and not self._all_ended()):
            self._sweep()
            spent = self.world.monotonic() - now
            self._sweep_due = now + spent * (SWEEP_SHARE if len(self.nodes) > PAGE else 1)
        self._listen()
        if not over:
            return False
        self._over_since = now if self._over_since is None else self._over_since
        late = now - self._over_since > LATE_NODES_S
        return late or (self._all_ended() and all(node.read for node in self.nodes.values()))

    def _all_ended(self) -> bool:
        return len(self.nodes) >= self.tally.targets and all(node.ended for node in self.nodes.values())

    def _tallied(self) -> Tally:
        found = self.client.call("ssm", "ListCommands", CommandId=self.command_id)["Commands"]
        if not found:
            return self.tally
        command = found[0]
        return Tally(
            status=command["Status"],
            details=command.get("StatusDetails") or command["Status"],
            targets=command.get("TargetCount", 0),
            completed=command.get("CompletedCount", 0),
            errors=command.get("ErrorCount", 0) + command.get("DeliveryTimedOutCount", 0),
        )

    def _sweep(self) -> None:
        listed = self.client.pages(
            "ssm",
            "ListCommandInvocations",
            "CommandInvocations",
            CommandId=self.command_id,
            Details=True,
            MaxResults=PAGE,
        )
        for invocation in listed:
            node = self.nodes.setdefault(invocation["InstanceId"], Node(invocation["InstanceId"]))
            if not node.ended:
                self._note(node, invocation)

    def _note(self, node: Node, invocation: dict[str, Any]) -> None:
        steps = invocation.get("CommandPlugins") or []
        node.name = invocation.get("InstanceName") or node.name
        self.changes += node.status != invocation["Status"]
        node.status = invocation["Status"]
        node.details = invocation.get("StatusDetails") or node.status
        for step in steps:
            for stream in STREAMS:
                key = (step["Name"], stream)
                node.printed.setdefault(key, Printed(node.node_id, step["Name"], stream))
        if node.ended:
            node.ended_at = self.world.monotonic()
            node.response_code = _response_code(steps)
            node.seconds = _seconds(steps)
            untouched = not any(each.offset for each in node.printed.values())
            node.short = _all_of_it(steps) if self.tally.targets >= LARGE and untouched else None

    def _listen(self) -> None:
        ended = [node for node in self.nodes.values() if node.ended and not node.read]
        running = [node for node in self.nodes.values() if node.status in STARTED][:FOLLOWED_MAX]
        now = self.world.monotonic()
        for node in ended:
            if node.short is not None:
                self._take_short(node, node.short)
        wanted = [each for node in ended for each in node.printed.values()]
        wanted += [each for node in running for each in _being_written(node)]
        for printed, text in self.outputs.more(wanted, nodes=self.nodes):
            self._take(printed, text)
        for node in ended:
            late = node.ended_at is not None and now - node.ended_at > LATE_OUTPUT_S
            if late or all(each.complete for each in node.printed.values()):
                self._finish(node)

    def _take_short(self, node: Node, text: str) -> None:
        for printed in node.printed.values():
            printed.complete = True
        first = next((each for each in node.printed.values() if each.stream == "stdout"), None)
        if first is not None:
            self._take(first, text)

    def _take(self, printed: Printed, text: str) -> None:
        if text:
            self.changes += 1
            printed.text.append(text)
            self.heard(self.nodes[printed.node_id], printed.stream, text)

    def _finish(self, node: Node) -> None:
        node.cut = not all(each.complete for each in node.printed.values())
        for printed in node.printed.values():
            self._take(printed, printed.decoder.decode(b"", final=True))
        node.read = True


class Outputs:
    """Reads what nodes have printed: live and whole where the server can, else AWS's fields at the end."""

    def __init__(self, client: Client, command_id: str) -> None:
        self._client = client
        self._command_id = command_id
        self._live = True
        self._readers: ThreadPoolExecutor | None = None

    def more(self, wanted: list[Printed], *, nodes: dict[str, Node]) -> Iterable[tuple[Printed, str]]:
        """What is new in each of the incomplete ones among `wanted`."""
        open_ones = [each for each in wanted if not each.complete]
        if len(open_ones) <= 2:
            return [(each, self._new_text(each, nodes[each.node_id])) for each in open_ones]
        if self._readers is None:
            self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="output")
        texts = self._readers.map(lambda each: self._new_text(each, nodes[each.node_id]), open_ones)
        return list(zip(open_ones, texts, strict=True))

    def close(self) -> None:
        if self._readers is not None:
            self._readers.shutdown(wait=False, cancel_futures=True)

    def _new_text(self, printed: Printed, node: Node) -> str:
        if self._live:
            try:
                return self._read_on(printed, node)
            except Refused as refused:
                # AWS itself, and policies that know only AWS's actions, refuse our extension.
                if refused.code not in (
                    "UnknownOperationException",
                    "NotImplemented",
                    "AccessDeniedException",
                ):
                    if not _nothing_yet(refused):
                        raise
                    # A step that an earlier one's end kept from starting has no output, and never will.
                    printed.complete = node.ended
                    return ""
                self._live = False
        return self._field(printed) if node.ended else ""

    def _read_on(self, printed: Printed, node: Node) -> str:
        text = ""
        while True:
            answer = self._client.call(
                "hostreeve",
                "GetCommandOutput",
                CommandId=self._command_id,
                InstanceId=printed.node_id,
                PluginName=printed.step,
                Stream=printed.stream,
                Offset=printed.offset,
                Length=CHUNK_BYTES,
            )
            chunk = base64.b64decode(answer.get("Data") or "")
            printed.offset += len(chunk)
            text += printed.decoder.decode(chunk)
            at_end = printed.offset >= answer.get("TotalBytes", 0)
            printed.closed = at_end and bool(answer.get("Complete"))
            printed.complete = printed.closed and node.ended
            if at_end or not chunk:
                return text

    def _field(self, printed: Printed) -> str:
        try:
            answer = self._client.call(
                "ssm",
                "GetCommandInvocation",
                CommandId=self._command_id,
                InstanceId=printed.node_id,
                PluginName=printed.step,
            )
        except Refused as refused:
            if not _nothing_yet(refused):
                raise
            answer = {}
        printed.complete = True
        member = "StandardOutputContent" if printed.stream == "stdout" else "StandardErrorContent"
        return str(answer.get(member) or "")


def _being_written(node: Node) -> list[Printed]:
    """Steps run one after another: the streams of the first that is not closed, and of none after it."""
    found: list[Printed] = []
    for each in node.printed.values():
        if not each.closed and (not found or found[0].step == each.step):
            found.append(each)
    return found


def _nothing_yet(refused: Refused) -> bool:
    return refused.code in ("InvocationDoesNotExist", "InvalidPluginName")


def _response_code(steps: list[dict[str, Any]]) -> int:
    codes = [step["ResponseCode"] for step in steps if step.get("ResponseCode") is not None]
    return next((code for code in codes if code > 0), codes[-1] if codes else -1)


def _seconds(steps: list[dict[str, Any]]) -> float | None:
    starts: list[float] = [
        step["ResponseStartDateTime"] for step in steps if step.get("ResponseStartDateTime")
    ]
    ends: list[float] = [
        step["ResponseFinishDateTime"] for step in steps if step.get("ResponseFinishDateTime")
    ]
    if not starts or not ends:
        return None
    return round(max(ends) - min(starts), 3)


def _all_of_it(steps: list[dict[str, Any]]) -> str | None:
    if len(steps) != 1:
        return None
    text = str(steps[0].get("Output") or "")
    return text if len(text) < _SHORT and not any(mark in text for mark in _MIXED) else None
