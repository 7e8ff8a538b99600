"""Which lane each jump takes, so that no two that share a stretch share a lane."""

from collections.abc import Sequence

from msgspec import Struct


class Jump(Struct, frozen=True):
    """From one row of a column to another, by number, in either direction."""

    source: int
    target: int

    @property
    def span(self) -> tuple[int, int]:
        return min(self.source, self.target), max(self.source, self.target)


def lanes(jumps: Sequence[Jump]) -> list[int]:
    """A lane for each, counted from the column; the shortest are next to it. One target may share one."""
    taken: list[list[Jump]] = []
    chosen = [0] * len(jumps)
    for place in sorted(range(len(jumps)), key=lambda n: (jumps[n].span[1] - jumps[n].span[0], n)):
        jump = jumps[place]
        lane = next((n for n, lane in enumerate(taken) if not any(_meet(jump, o) for o in lane)), len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append(jump)
        chosen[place] = lane
    return chosen


def _meet(one: Jump, other: Jump) -> bool:
    if one.target == other.target:
        return False
    (a, b), (c, d) = one.span, other.span
    return a <= d and c <= b
