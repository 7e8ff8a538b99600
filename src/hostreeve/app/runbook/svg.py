"""A runbook as a picture: its steps in one column, jumps in lanes to the right, failures to the left.

One column keeps the order of the document, which is what people know; lanes keep every way traceable. A loop
is a frame around a picture of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from msgspec import Struct

from hostreeve.app.runbook.lanes import Jump, lanes
from hostreeve.capabilities.automations import END, START, Edge, Graph, Step, Way

WIDTH, GAP, LANE, PAD = 240.0, 28.0, 14.0, 16.0
LINE, LETTER, LABEL_MAX = 16.0, 6.1, 38
ROUND = 9.0
LEFT = (Way.FAILURE, Way.CANCEL)
WORDS = {Way.DEFAULT: "otherwise"}
COLOURS = {
    "Success": ("#d9f2e0", "#1a7f37"),
    "InProgress": ("#ddeeff", "#0969da"),
    "Waiting": ("#ddeeff", "#0969da"),
    "Failed": ("#ffe1de", "#cf222e"),
    "TimedOut": ("#ffe1de", "#cf222e"),
    "Cancelled": ("#ffe1de", "#cf222e"),
    "Cancelling": ("#ffe1de", "#cf222e"),
}
PLAIN = ("#f6f8fa", "#57606a")
EDGES = {
    Way.NEXT: ("#57606a", ""),
    Way.CHOICE: ("#0969da", ""),
    Way.DEFAULT: ("#0969da", ""),
    Way.FAILURE: ("#cf222e", ' stroke-dasharray="5 3"'),
    Way.CANCEL: ("#9a6700", ' stroke-dasharray="2 3"'),
}


class Block(Struct, frozen=True):
    """Something drawn within a rectangle whose corner is 0, 0. `axis` is where its column's middle is."""

    width: float
    height: float
    axis: float
    marks: tuple[str, ...]


class Row(Struct, frozen=True):
    """A thing of the column, once it has its place. `names` are the steps that edges know it by."""

    name: str
    top: float
    block: Block

    @property
    def middle(self) -> float:
        return self.top + self.block.height / 2

    @property
    def bottom(self) -> float:
        return self.top + self.block.height


def drawn(graph: Graph, statuses: Mapping[str, str]) -> str:
    """A complete SVG document. `statuses` by the names of steps colour them."""
    block = _column(graph, statuses)
    width, height = block.width + 2 * PAD, block.height + 2 * PAD
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="system-ui, sans-serif" font-size="12">',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            "<defs>",
            *(_head(way, colour) for way, (colour, _) in EDGES.items()),
            "</defs>",
            f'<g transform="translate({PAD:.0f} {PAD:.0f})">',
            *block.marks,
            "</g>",
            "</svg>",
        ]
    )


def _column(graph: Graph, statuses: Mapping[str, str]) -> Block:
    rows = list(_rows(graph, statuses))
    place = {row.name: number for number, row in enumerate(rows)}
    straight = [e for e in graph.edges if e.way not in LEFT and _is_straight(e, place)]
    right = _jumps([e for e in graph.edges if e.way not in LEFT and e not in straight], place)
    left = _jumps([e for e in graph.edges if e.way in LEFT], place)
    half = max(max(row.block.axis, row.block.width - row.block.axis) for row in rows)
    labels = max((_label_width(edge) for edge, _, _ in right), default=0.0)
    axis = half + (GAP + LANE * _count(left) if left else 0)
    marks = [mark for row in rows for mark in _moved(row.block.marks, axis - row.block.axis, row.top)]
    marks += [_down(rows, place, edge, axis) for edge in straight]
    marks += _arcs(rows, right, axis, half + labels + 12, 1)
    marks += _arcs(rows, left, axis, half + 12, -1)
    width = axis + half + (labels + 24 + LANE * _count(right) if right else 0)
    return Block(width, rows[-1].bottom, axis, tuple(marks))


def _rows(graph: Graph, statuses: Mapping[str, str]) -> Iterator[Row]:
    top = 0.0
    ends = any(edge.target == END for edge in graph.edges)
    for name in (START, *(step.name for step in graph.steps), *([END] if ends else [])):
        if name in (START, END):
            block = _dot(filled=name == START)
        else:
            step = next(step for step in graph.steps if step.name == name)
            leaving = sum(e.source == name and e.way not in LEFT for e in graph.edges)
            block = _box(step, statuses, leaving)
            if name in graph.inner:
                block = _frame(block, _column(graph.inner[name], statuses))
        yield Row(name, top, block)
        top += block.height + GAP


def _is_straight(edge: Edge, place: Mapping[str, int]) -> bool:
    return place[edge.target] == place[edge.source] + 1 and not (edge.label or edge.way in WORDS)


def _jumps(edges: Sequence[Edge], place: Mapping[str, int]) -> list[tuple[Edge, Jump, int]]:
    """Edges with the rows they join and the lane they take; those that may overlap have different lanes."""
    jumps = [Jump(place[edge.source], place[edge.target]) for edge in edges]
    return list(zip(edges, jumps, lanes(jumps), strict=True))


def _count(jumps: Sequence[tuple[Edge, Jump, int]]) -> int:
    return max((lane + 1 for _, _, lane in jumps), default=0)


def _dot(*, filled: bool) -> Block:
    inner = '<circle cx="8" cy="8" r="4" fill="#57606a"/>' if not filled else ""
    fill = "#57606a" if filled else "none"
    ring = f'<circle cx="8" cy="8" r="7" fill="{fill}" stroke="#57606a" stroke-width="1.5"/>'
    return Block(16, 16, 8, (ring, inner))


def _box(step: Step, statuses: Mapping[str, str], leaving: int) -> Block:
    status = statuses.get(step.name, "")
    fill, stroke = COLOURS.get(status, PLAIN)
    height = max(3 * LINE if status else 2 * LINE, LINE * leaving) + 12
    corner = 2 if step.action == "aws:branch" else ROUND
    lines = [(step.name, 'font-weight="600"'), (step.action, 'fill="#57606a"')]
    lines += [(status, f'fill="{stroke}"')] if status else []
    first = (height - LINE * len(lines)) / 2 + 12
    texts = [
        f'<text x="{WIDTH / 2:.0f}" y="{first + LINE * n:.1f}" text-anchor="middle" {style}>'
        f"{escape(_cut(text))}</text>"
        for n, (text, style) in enumerate(lines)
    ]
    said = escape(f"{step.name}: {step.action}{', ' + status if status else ''}")
    box = (
        f'<rect width="{WIDTH:.0f}" height="{height:.1f}" rx="{corner:.0f}" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="1.5"><title>{said}</title></rect>'
    )
    return Block(WIDTH, height, WIDTH / 2, (box, *texts))


def _frame(head: Block, body: Block) -> Block:
    """A loop: its own box, and the picture of its inside below, in one frame."""
    axis = max(head.axis, body.axis) + PAD
    width = axis + max(head.width - head.axis, body.width - body.axis) + PAD
    height = head.height + GAP / 2 + body.height + PAD
    frame = (
        f'<rect width="{width:.1f}" height="{height:.1f}" rx="{ROUND:.0f}" fill="#ffffff" stroke="#8250df" '
        'stroke-dasharray="6 4"/>'
    )
    inside = _moved(body.marks, axis - body.axis, head.height + GAP / 2)
    return Block(width, height, axis, (frame, *_moved(head.marks, axis - head.axis, 0), *inside))


def _moved(marks: Sequence[str], x: float, y: float) -> list[str]:
    return [f'<g transform="translate({x:.1f} {y:.1f})">', *marks, "</g>"]


def _down(rows: Sequence[Row], place: Mapping[str, int], edge: Edge, axis: float) -> str:
    above, below = rows[place[edge.source]], rows[place[edge.target]]
    return _path(edge.way, f"M{axis:.1f} {above.bottom:.1f}V{below.top:.1f}")


def _arcs(
    rows: Sequence[Row], jumps: Sequence[tuple[Edge, Jump, int]], axis: float, reach: float, side: int
) -> Iterator[str]:
    """Ways that leave a row at its side, follow their lane and come back: right for `side` 1, left for -1."""
    starts: dict[str, int] = {}
    for edge, jump, lane in jumps:
        source, target = rows[jump.source], rows[jump.target]
        siblings = sum(other.source == edge.source for other, _, _ in jumps)
        number = starts[edge.source] = starts.get(edge.source, -1) + 1
        # The box's own line, not a loop's frame, is where its ways begin.
        y = source.top + min(source.block.height, LINE * max(siblings, 2) + 12) / 2
        y += (number - (siblings - 1) / 2) * LINE
        x = axis + side * (reach + LANE * lane)
        begins = axis + side * _half(source, side)
        ends = axis + side * _half(target, side)
        arrives = target.top + min(target.block.height, 44) / 2 - 6 * side
        yield _path(edge.way, f"M{begins:.1f} {y:.1f}H{x:.1f}V{arrives:.1f}H{ends:.1f}")
        if words := edge.label or WORDS.get(edge.way, ""):
            yield (
                f'<text x="{begins + 5:.1f}" y="{y - 3:.1f}" font-size="10.5" fill="{EDGES[edge.way][0]}">'
                f"{escape(_cut(words))}<title>{escape(words)}</title></text>"
            )


def _half(row: Row, side: int) -> float:
    return row.block.width - row.block.axis if side > 0 else row.block.axis


def _path(way: Way, path: str) -> str:
    colour, dashes = EDGES[way]
    return f'<path d="{path}" fill="none" stroke="{colour}"{dashes} marker-end="url(#{way})"/>'


def _head(way: Way, colour: str) -> str:
    return (
        f'<marker id="{way}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        f'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8Z" fill="{colour}"/></marker>'
    )


def _label_width(edge: Edge) -> float:
    return len(_cut(edge.label or WORDS.get(edge.way, ""))) * LETTER


def _cut(text: str) -> str:
    return text if len(text) <= LABEL_MAX else text[: LABEL_MAX - 1] + "…"
