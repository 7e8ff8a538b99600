"""A request and an answer as bytes on the wire, before any protocol has looked at them."""

import re
from dataclasses import dataclass, field

from hostreeve.api.files import FilePart

_BUCKET_HOST = re.compile(r"^(.+?)\.s3[.-]", re.I)


@dataclass(slots=True)
class HttpRequest:
    """`path` and `query` are exactly as sent (percent-encoding untouched: signatures need it).

    `headers` are in order of arrival, names lower-case, values stripped; several of one name stay several.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    client: str = ""
    _first: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _first_of: list[tuple[str, str]] | None = field(default=None, init=False, repr=False, compare=False)

    def header(self, name: str) -> str | None:
        """The first header of that lower-case name."""
        if self._first_of is not self.headers:
            self._first, self._first_of = dict(reversed(self.headers)), self.headers
        return self._first.get(name)


@dataclass(slots=True)
class HttpResponse:
    """The body is `body`, or what lies in `files`: large ones are sent from there piece by piece."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    files: tuple[FilePart, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.files) if self.files else len(self.body)


def bucket_of_host(http: HttpRequest) -> str:
    """The bucket of an S3 request in virtual-host style; empty in path style."""
    found = _BUCKET_HOST.match(http.header("host") or "")
    return found[1] if found else ""
