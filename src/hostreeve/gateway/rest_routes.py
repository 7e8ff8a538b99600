"""REST path templates of one service: which operation a method, a path and a query string mean."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from hostreeve.api.service_models import OperationModel, Service
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.protocols.refusals import UnreadableError

_LABEL = re.compile(r"^\{([^}+]+)(\+?)\}$")


@dataclass(frozen=True, slots=True)
class Template:
    """An operation's template, taken apart once."""

    operation: OperationModel
    segments: tuple[str, ...]
    labels: tuple[str | None, ...]
    greedy: bool
    literals: Mapping[str, str]
    needed_query: tuple[str, ...]
    needed_headers: tuple[str, ...]
    weight: tuple[int, int] = field(default=(0, 0))

    def matched(self, segments: list[str]) -> dict[str, str] | None:
        """The labels, decoded, if the path is one of this template's."""
        count = len(self.segments)
        if len(segments) < count or (len(segments) > count and not self.greedy):
            return None
        found: dict[str, str] = {}
        for index, label in enumerate(self.labels):
            if label is None:
                if segments[index] != self.segments[index]:
                    return None
                continue
            rest = self.greedy and index == count - 1
            text = "/".join(segments[index:]) if rest else segments[index]
            if not text:
                return None
            try:
                found[label] = unquote(text, errors="strict")
            except UnicodeDecodeError:
                raise UnreadableError("The path is not valid UTF-8") from None
        return found


class RestRoutes:
    """`find(http, path)` is the best template's operation with its labels, or None."""

    def __init__(self, service: Service) -> None:
        # By method, first segment (None: a label) and first prescribed query parameter (None: none).
        self._table: dict[tuple[str, str | None, str | None], list[Template]] = {}
        for name in service.operation_names:
            template = _template(service.operation(name))
            first = template.segments[0] if template.labels[0] is None else None
            key = (template.operation.http_method, first, next(iter(template.literals), None))
            self._table.setdefault(key, []).append(template)

    def find(self, http: HttpRequest, path: str) -> tuple[OperationModel, dict[str, str]] | None:
        query = _names(http.query)
        segments = path.lstrip("/").split("/") if path.startswith("//") else path[1:].split("/")
        bare = segments[:-1] if len(segments) > 1 and segments[-1] == "" else segments
        best: tuple[tuple[int, int, int, int], OperationModel, dict[str, str]] | None = None
        for template in self._candidates(http.method, segments[0], query):
            if template.literals and any(query.get(k) != v for k, v in template.literals.items()):
                continue
            labels = template.matched(
                segments if template.greedy and len(bare) >= len(template.segments) else bare
            )
            if labels is None:
                continue
            score = _score(template, http, query)
            if best is None or score > best[0]:
                best = score, template.operation, labels
        return (best[1], best[2]) if best else None

    def _candidates(self, method: str, first: str, query: Mapping[str, str]) -> Iterator[Template]:
        for segment in (first, None):
            yield from self._table.get((method, segment, None), ())
            for name in query:
                yield from self._table.get((method, segment, name), ())


def _template(operation: OperationModel) -> Template:
    path, _, query = operation.request_uri.partition("?")
    segments = tuple(s for s in path.split("/") if s) or ("",)
    found = [_LABEL.match(s) for s in segments]
    shape = operation.input
    members = shape.members.items() if shape else ()
    required = shape.required if shape else frozenset()
    needed = {
        where: tuple((m.wire_name or n) for n, m in members if n in required and m.location == where)
        for where in ("querystring", "header")
    }
    return Template(
        operation=operation,
        segments=segments,
        labels=tuple(m[1] if m else None for m in found),
        greedy=bool(found[-1] and found[-1][2]),
        literals=_names(query),
        needed_query=needed["querystring"],
        needed_headers=tuple(h.lower() for h in needed["header"]),
        weight=(sum(m is None for m in found), -int("deprecated" in operation.traits)),
    )


def _score(template: Template, http: HttpRequest, query: Mapping[str, str]) -> tuple[int, int, int, int]:
    """Literal segments win; then a template whose required parameters are there; then the one with more."""
    present = sum(name in query for name in template.needed_query)
    present += sum(http.header(name) is not None for name in template.needed_headers)
    wanted = len(template.needed_query) + len(template.needed_headers)
    return template.weight[0], int(present == wanted), len(template.literals) + present, template.weight[1]


def _names(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name:
            found.setdefault(unquote(name), unquote(value))
    return found
