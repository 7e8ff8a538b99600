"""Coroutines run at once, up to their first wait: what does not wait at all needs no task."""

from __future__ import annotations

from typing import Any, Coroutine, Generator, Optional


class Begun:
    """The rest of a coroutine that `send(None)` has run up to its first wait: awaitable, by a task."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            thrown: Optional[BaseException] = None
            answer = None
            try:
                answer = yield waits_for
            except BaseException as raised:  # noqa: BLE001 - a cancellation belongs to the coroutine
                thrown = raised
            try:
                waits_for = self._coroutine.send(answer) if thrown is None else self._coroutine.throw(thrown)
            except StopIteration as done:
                return done.value
