"""The kinds of value that conditions compare, each with what one value of a policy means for one of a
request.

A *test* answers whether a request's value stands in the operator's relation to any of the policy's values.
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, TypeVar

from hostreeve.platform.identity.policy.globs import (
    Context,
    Fixed,
    Parts,
    Predicate,
    Wild,
    filled,
    fixed,
    has_variables,
    one_of,
    parts_of,
    predicate,
)

T = TypeVar("T")
Test = Callable[[str, Context], object]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Compile = Callable[[Sequence[str], bool], Test]
"""From a policy's values, and whether variables stand in them, to a test. ValueError: no such value."""

ARN_PIECES = 6
REMEMBERED = 256
"""Values of requests that one condition remembers its answer to, where finding it takes longer."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")


class Closed:
    """A test that asks for nothing but the value, as most do: it may be called without the context."""

    __slots__ = ("passes",)

    def __init__(self, passes: Predicate) -> None:
        self.passes = passes

    def __call__(self, value: str, context: Context) -> object:
        return self.passes(value)


def texts(*, wild: bool = False, fold: bool = False) -> Compile:
    """Texts, compared whole; `wild` lets * and ? of the policy stand for others, `fold` ignores case."""

    def compiled(values: Sequence[str], variables: bool) -> Test:
        given = [parts_of(value, variables=variables, wild=wild) for value in values]
        if fold:
            given = [tuple(p.lower() if isinstance(p, str) else p for p in parts) for parts in given]
        matches = one_of([fixed(parts) for parts in given if not has_variables(parts)])
        open_ones = [parts for parts in given if has_variables(parts)]
        if not open_ones and not fold:
            return Closed(matches)

        def test(value: str, context: Context) -> object:
            wanted = value.lower() if fold else value
            return matches(wanted) or (
                open_ones and any(_open_match(parts, wanted, context, fold) for parts in open_ones)
            )

        return test

    return compiled


def _open_match(parts: Parts, value: str, context: Context, fold: bool) -> bool:
    now = filled(parts, context)
    if now is None:
        return False
    if fold:
        now = tuple(part.lower() if isinstance(part, str) else part for part in now)
    return bool(predicate(now)(value))


def arns(values: Sequence[str], variables: bool) -> Test:
    """ARNs, piece by piece between the colons: a star of the policy stays within its piece."""
    given = [parts_of(value, variables=variables) for value in values]
    open_ones = [parts for parts in given if has_variables(parts)]
    closed = [wanted for parts in given if not has_variables(parts) and (wanted := _closed(fixed(parts)))]

    @lru_cache(maxsize=REMEMBERED)
    def is_known(value: str) -> bool:
        pieces = value.split(":", ARN_PIECES - 1)
        return len(pieces) == ARN_PIECES and any(
            all(fits(piece) for fits, piece in zip(wanted, pieces, strict=True)) for wanted in closed
        )

    if not open_ones:
        return Closed(is_known)

    def test(value: str, context: Context) -> bool:
        if is_known(value):
            return True
        pieces = value.split(":", ARN_PIECES - 1)
        return len(pieces) == ARN_PIECES and any(_arn_match(parts, pieces, context) for parts in open_ones)

    return test


def _closed(parts: Fixed) -> list[Predicate]:
    """What each piece of an ARN must fit; empty when no ARN can fit."""
    if parts == (Wild.MANY,):
        return [predicate((Wild.MANY,))] * ARN_PIECES
    wanted = [predicate(fixed(piece)) for piece in _between_colons(parts)]
    return wanted if len(wanted) == ARN_PIECES else []


def _arn_match(parts: Parts, pieces: Sequence[str], context: Context) -> bool:
    wanted = [filled(piece, context) for piece in _between_colons(parts)]
    return len(wanted) == ARN_PIECES and all(
        now is not None and predicate(now)(piece) for now, piece in zip(wanted, pieces, strict=True)
    )


def _between_colons(parts: Parts) -> list[Parts]:
    """Split before variables are filled in: a colon in a variable's value separates nothing."""
    found: list[list[Any]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            found[-1].append(part)
            continue
        first, *others = part.split(":", ARN_PIECES - len(found))
        found[-1].append(first)
        found.extend([other] for other in others)
    return [tuple(part for part in piece if part != "") for piece in found]


def numbers(compare: Callable[[Any, Any], bool]) -> Compile:
    return _ordered(number, compare, "a number")


def dates(compare: Callable[[Any, Any], bool]) -> Compile:
    return _ordered(instant_ms, compare, "a date")


def truths(values: Sequence[str], variables: bool) -> Test:
    return _ordered(truth, operator.eq, "true or false")(values, variables)


def bytes_alike(values: Sequence[str], variables: bool) -> Test:
    return _ordered(_binary, operator.eq, "base64")(values, variables)


def addresses(values: Sequence[str], variables: bool) -> Test:
    """IPv4 and IPv6 addresses within networks (CIDR) or equal to single ones."""
    networks = [_network(value) for value in values]

    @lru_cache(maxsize=REMEMBERED)
    def is_within(value: str) -> bool:
        address = _address(value)
        return address is not None and any(_within(address, network) for network in networks)

    return Closed(is_within)


def _ordered(parse: Callable[[str], T | None], compare: Callable[[Any, Any], bool], what: str) -> Compile:
    def compiled(values: Sequence[str], variables: bool) -> Test:
        wanted = [_parsed(parse, value, what) for value in values]

        def passes(value: str) -> bool:
            given = parse(value)
            return given is not None and any(compare(given, one) for one in wanted)

        return Closed(passes)

    return compiled


def _parsed(parse: Callable[[str], T | None], value: str, what: str) -> T:
    found = parse(value)
    if found is None:
        raise ValueError(f"{value!r} is not {what}")
    return found


def number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None


def instant_ms(text: str) -> int | None:
    """Milliseconds since the epoch, of an ISO 8601 date (else UTC) or of a number of seconds."""
    seconds = number(text)
    if seconds is not None:
        return int(seconds * 1000)
    try:
        when = datetime.fromisoformat(text)
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address or network") from None


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
