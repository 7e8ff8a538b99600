"""How parameters are shown: trees level by level, differences line by line, secrets hidden by default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from hostreeve.cli.params_files import Entry, Tree
from hostreeve.cli.screen import when

HIDDEN = "(secret)"
Difference = tuple[str, "Entry | None", "Entry | None"]


def drawn(found: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Lines for names and what stands behind each: a level per slash, each named once, its own below it."""
    shown: list[str] = []
    for name, rest in found:
        levels = name.split("/")
        pairs = zip(levels[:-1], shown, strict=False)
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        for depth in range(common, len(levels) - 1):
            yield f"{'  ' * depth}{levels[depth]}/"
        shown = levels[:-1]
        yield f"{'  ' * (len(levels) - 1)}{levels[-1]}{rest}"


def behind(one: dict[str, Any], *, long: bool, values: bool, secrets: bool) -> str:
    """What a tree says after a parameter's last level."""
    facts = f"  {one['Type']}, version {one['Version']}, {when(one.get('LastModifiedDate'))}" if long else ""
    return facts + (f" = {on_a_line(Entry(one['Type'], one['Value']), secrets=secrets)}" if values else "")


def listed(one: dict[str, Any], *, values: bool, secrets: bool) -> dict[str, Any]:
    """The same for programs."""
    shown = {member: one[member] for member in ("Name", "Type", "Version")}
    if "LastModifiedDate" in one:
        shown["LastModifiedDate"] = when(one["LastModifiedDate"])
    return shown | ({"Value": value(Entry(one["Type"], one["Value"]), secrets=secrets)} if values else {})


def differences(left: Tree, right: Tree) -> list[Difference]:
    """Names whose type or value is not the same on both sides; None where there is no such name."""
    names = sorted({*left, *right})
    return [(name, left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)]


def marked(difference: Difference, *, secrets: bool) -> Iterator[tuple[str, str]]:
    """Line and colour of each side. The type is told where it is what differs."""
    name, before, after = difference
    with_types = before is not None and after is not None and before.type != after.type
    for mark, entry, style in (("-", before, "red"), ("+", after, "green")):
        if entry is not None:
            kind = f"  ({entry.type})" if with_types else ""
            yield f"{mark} {name} = {on_a_line(entry, secrets=secrets)}{kind}", style


def both(difference: Difference, *, secrets: bool) -> dict[str, str | None]:
    """A difference for programs."""
    name, *sides = difference
    shown: dict[str, str | None] = {"Name": name}
    for side, entry in zip(("Left", "Right"), sides, strict=True):
        shown[side] = value(entry, secrets=secrets) if entry else None
        shown[f"{side}Type"] = entry.type if entry else None
    return shown


def value(entry: Entry, *, secrets: bool) -> str:
    return HIDDEN if entry.is_secret and not secrets else entry.value


def on_a_line(entry: Entry, *, secrets: bool) -> str:
    """A value whose ends of lines do not end the line that it stands in."""
    return value(entry, secrets=secrets).replace("\r\n", "\n").replace("\n", "⏎")
