"""Pages of a list: how many rows a caller wants, and after which one they begin."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any, TypeVar

import msgspec

from hostreeve.api.errors import AwsError, common

Row = TypeVar("Row")
Key = str | int | tuple[str | int, ...]

_CHECK_BYTES = 6
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Page:
    """Fetch `limit + 1` rows with a key greater than `after`; show the first `limit`; then ask for `token`.

    `after` is the last key of the page before ("" on the first page). A list ordered by several columns, or
    by a number, asks for `parts` instead.
    """

    limit: int
    after: str
    _last: tuple[Any, ...]
    _invalid: AwsError

    def parts(self, *kinds: type[str] | type[int]) -> tuple[Any, ...]:
        """The last key as columns of these kinds; `("", 0)` and the like on the first page."""
        if not self._last:
            return tuple(kind() for kind in kinds)
        if [type(part) for part in self._last] != list(kinds):
            raise self._invalid
        return self._last

    def token(self, rows: Sequence[Row], key: Callable[[Row], Key]) -> str | None:
        """The token of the page behind these rows, or None if they were all (no more than `limit`)."""
        if len(rows) <= self.limit:
            return None
        return self.token_at(key(rows[self.limit - 1]))

    def token_at(self, last: Key) -> str:
        """The token of the page behind this key, for a search that stops before its page is full."""
        packed = msgspec.json.encode(last if isinstance(last, tuple) else (last,))
        return base64.urlsafe_b64encode(_check(packed) + packed).decode()


def read(
    request: Mapping[str, Any],
    *,
    maximum: int = 50,
    default: int | None = None,
    limit_member: str = "MaxResults",
    token_member: str = "NextToken",
    error: type[AwsError] | None = None,
) -> Page:
    """The page that a request asks for.

    A limit above `maximum` is lowered to it, an absent one is `default` (else `maximum`). A token that this
    function did not make raises `error` (the service's InvalidNextToken), by default ValidationException.
    Tokens hold no more than the last key shown: the scope of the query decides what a caller may see.
    """
    limit = min(request.get(limit_member) or default or maximum, maximum)
    refuse = (error or common.ValidationException)("The specified token is not valid.")
    token = request.get(token_member)
    last = _opened(token, refuse) if token else ()
    return Page(limit, last[0] if last and isinstance(last[0], str) else "", last, refuse)


def _opened(token: str, refuse: AwsError) -> tuple[Any, ...]:
    try:
        # Some services let a token have + and / only, and hand out ours so.
        text = token[:_LONGEST].replace("+", "-").replace("/", "_")
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        check, packed = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        last: tuple[Any, ...] = msgspec.json.decode(packed, type=tuple[str | int, ...])
    except (binascii.Error, ValueError, RecursionError):
        raise refuse from None
    if check != _check(packed) or not last or not all(map(_is_storable, last)):
        raise refuse
    return last


def _check(packed: bytes) -> bytes:
    return blake2s(packed, digest_size=_CHECK_BYTES, person=b"paging").digest()


def _is_storable(part: str | int) -> bool:
    return "\x00" not in part if isinstance(part, str) else -(2**63) <= part < 2**63
