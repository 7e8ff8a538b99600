"""A command's progress and its nodes' output, told as it happens."""

from __future__ import annotations

from collections import Counter

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from hostreeve.cli.following import LARGE, Following, Node, Stream
from hostreeve.cli.screen import STATUS_STYLES, Screen, visible
from hostreeve.cli.trouble import Trouble
from hostreeve.kernel.world import World

LINE_CHARACTERS_MAX = 64 << 10
SHOW_AFTER_S = 0.3
"""A command that is over sooner is not worth a line that comes and goes."""
BAR_CELLS = 24


class Teller:
    """Used as a context: the live line is gone when it is left.

    With `results_later` (--json) nodes' output is not told; with `quiet` nothing else is.
    """

    def __init__(self, screen: Screen, world: World, *, quiet: bool, results_later: bool) -> None:
        self._screen = screen
        self._world = world
        self._quiet = quiet
        self._results_later = results_later
        self._began = world.monotonic()
        self._partial: dict[tuple[str, Stream], str] = {}
        self._reported: set[str] = set()
        self._live: Live | None = None
        self._spinner = Spinner("dots")

    def __enter__(self) -> Teller:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def heard(self, node: Node, stream: Stream, text: str) -> None:
        """Output of a node: whole lines are printed, the beginning of a line waits for its end."""
        if self._results_later:
            return
        text = self._partial.pop((node.node_id, stream), "") + text
        whole, newline, rest = text.rpartition("\n")
        if len(rest) > LINE_CHARACTERS_MAX:
            whole, newline, rest = text, "\n", ""
        if newline:
            self._print(node, stream, whole.split("\n"))
        if rest:
            self._partial[(node.node_id, stream)] = rest

    def tell(self, following: Following) -> None:
        """Once per look: nodes that have ended since, and the live line."""
        for node in following.nodes.values():
            if node.read and node.node_id not in self._reported:
                self._reported.add(node.node_id)
                self._ended(node, few=following.tally.targets < LARGE)
        if self._quiet or not self._screen.shows_progress:
            return
        if self._live is None and self._world.monotonic() - self._began > SHOW_AFTER_S:
            self._live = Live(
                console=self._screen.err,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                refresh_per_second=12,
            )
            self._live.start()
        if self._live is not None:
            self._live.update(self._line(following))

    def cancelling(self, command_id: str) -> None:
        self._note(f"Cancelling command {command_id}; Ctrl-C again leaves at once.", "yellow")

    def waiting(self, trouble: Trouble) -> None:
        self._note(f"{visible(trouble.message)} Trying on …", "yellow")

    def waiting_for(self, told: str) -> None:
        self._note(told, "yellow")

    def summary(self, following: Following) -> None:
        """The last line: how many nodes ended how, and the command's id."""
        if self._quiet:
            return
        seconds = self._world.monotonic() - self._began
        if not following.nodes:
            self._screen.note(
                f"No node matched ({following.tally.details}). `hostreeve nodes` lists the nodes.", "yellow"
            )
            return
        counts = Counter(node.status for node in following.nodes.values())
        told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        style = "green" if set(counts) == {"Success"} else "red"
        self._screen.note(f"{told} in {seconds:.1f} s, command {following.command_id}", style)

    def _ended(self, node: Node, *, few: bool) -> None:
        for stream in ("stdout", "stderr"):
            rest = self._partial.pop((node.node_id, stream), "")
            if rest:
                self._print(node, stream, [rest])
        if node.status == "Success" and not few and not node.cut:
            return
        mark = "✓" if node.status == "Success" else "✗"
        why = (
            f", exit code {node.response_code}" if node.status == "Failed" and node.response_code >= 0 else ""
        )
        took = f" after {node.seconds:.1f} s" if node.seconds is not None else ""
        cut = " (the rest of its output has not arrived)" if node.cut else ""
        details = node.details if node.details != node.status else node.status
        style = STATUS_STYLES.get(node.status, "")
        self._note(f"{mark} {self._label(node)} {details}{why}{took}{cut}", style)

    def _note(self, text: str, style: str) -> None:
        if not self._quiet:
            self._screen.note(text, style)

    def _label(self, node: Node) -> str:
        if self._screen.out.is_terminal and node.name and node.name != node.node_id:
            return f"{visible(node.name)} ({node.node_id})"
        return node.node_id

    def _print(self, node: Node, stream: Stream, lines: list[str]) -> None:
        console = self._screen.out if stream == "stdout" else self._screen.err
        if not console.is_terminal:
            console.file.write("".join(f"{node.node_id} | {line}\n" for line in lines))
            console.file.flush()
            return
        # Lines for the terminal go through the console that owns the live line, so that they end up above it.
        owner = self._screen.err if self._live is not None else console
        label, style = visible(node.name) or node.node_id, "cyan" if stream == "stdout" else "magenta"
        shown = [Text.from_ansi(_last_state(line)) for line in lines]
        owner.print(Text("\n").join(Text.assemble((f"{label} | ", style), line) for line in shown))

    def _line(self, following: Following) -> Group:
        tally = following.tally
        targets = max(tally.targets, len(following.nodes))
        filled = BAR_CELLS * tally.completed // targets if targets else 0
        bar = Text("━" * filled, style="green") + Text("━" * (BAR_CELLS - filled), style="bright_black")
        told = Text(f" {tally.completed}/{targets} nodes, {tally.status}, ")
        waiting = sum(node.status in ("Pending", "Delayed") for node in following.nodes.values())
        held = Text(f"{waiting} waiting, ", style="yellow") if waiting else Text()
        failed = Text(f"{tally.errors} failed, ", style="red") if tally.errors else Text()
        passed = Text(f"{self._world.monotonic() - self._began:.0f} s")
        self._spinner.update(
            text=Text(no_wrap=True, overflow="ellipsis").join([bar, told, held, failed, passed])
        )
        return Group(self._spinner)


def _last_state(line: str) -> str:
    """A line as a terminal would show it in the end: what a carriage return overwrote is gone."""
    return visible(line.rstrip("\r").rpartition("\r")[2])
