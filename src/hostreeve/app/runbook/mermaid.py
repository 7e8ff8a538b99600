"""A runbook as Mermaid's text, which wikis and forges draw."""

import re
from collections.abc import Iterator, Mapping

from hostreeve.capabilities.automations import END, Edge, Graph, Way

ARROWS = {Way.NEXT: "-->", Way.CHOICE: "-->", Way.DEFAULT: "-->", Way.FAILURE: "-.->", Way.CANCEL: "-.->"}
WORDS = {Way.DEFAULT: "otherwise", Way.FAILURE: "on failure", Way.CANCEL: "on cancel"}
CLASSES = {
    "Success": "good",
    "InProgress": "busy",
    "Waiting": "busy",
    "Failed": "bad",
    "TimedOut": "bad",
    "Cancelled": "bad",
    "Cancelling": "bad",
}
STYLES = (
    "classDef good fill:#d9f2e0,stroke:#1a7f37",
    "classDef busy fill:#ddeeff,stroke:#0969da",
    "classDef bad fill:#ffe1de,stroke:#cf222e",
)


def drawn(graph: Graph, statuses: Mapping[str, str]) -> str:
    """`statuses` by the names of steps; empty for a runbook that is not an execution's."""
    lines = ["flowchart TD", *(f"  {line}" for line in _level(graph, statuses, ""))]
    used = {CLASSES[status] for status in statuses.values() if status in CLASSES}
    lines += [f"  {style}" for style in STYLES if style.split()[1] in used]
    return "\n".join(lines)


def _level(graph: Graph, statuses: Mapping[str, str], loop: str) -> Iterator[str]:
    """`loop` is the name of the step whose inside this is; every level has a start and an end of its own."""
    yield f"start_{loop}((start))"
    for step in graph.steps:
        said = f"<b>{step.name}</b><br/>{step.action}"
        if step.name in statuses:
            said += f"<br/>{statuses[step.name]}"
        mark = f":::{CLASSES[statuses[step.name]]}" if statuses.get(step.name) in CLASSES else ""
        if step.name in graph.inner:
            yield f'subgraph step_{step.name}["{said}"]'
            yield from (f"  {line}" for line in _level(graph.inner[step.name], statuses, step.name))
            yield "end"
            if mark:
                yield f"class step_{step.name} {mark[3:]}"
        elif step.action == "aws:branch":
            yield f'step_{step.name}{{"{said}"}}{mark}'
        else:
            yield f'step_{step.name}["{said}"]{mark}'
    if any(edge.target == END for edge in graph.edges):
        yield f"end_{loop}((end))"
    for edge in graph.edges:
        yield _edge(edge, loop)


def _edge(edge: Edge, loop: str) -> str:
    words = edge.label or WORDS.get(edge.way, "")
    between = f'|"{_escaped(words)}"|' if words else ""
    return f"{_place(edge.source, loop)} {ARROWS[edge.way]}{between} {_place(edge.target, loop)}"


def _place(name: str, loop: str) -> str:
    return f"{name.strip('()')}_{loop}" if name.startswith("(") else f"step_{name}"


def _escaped(text: str) -> str:
    return re.sub(r"[\"#<>&;|]", lambda found: f"#{ord(found[0])};", text)
