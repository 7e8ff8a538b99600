"""The agent's view of a running part: news of its output, and its end."""

from __future__ import annotations

import contextlib
import os
from typing import Callable, Optional

from hostreeve.agent import supervisor
from hostreeve.agent.loop import READ, Loop, Timer
from hostreeve.agent.supervisor import End

NEWS_PAUSE_S = 0.05
"""At most this often is output looked at, however much a program says."""

LOOK_FIRST_S, LOOK_MAX_S = 0.05, 1.0


class Watch:
    """`on_end` is called once: with the end, or with None when the supervisor is gone without one."""

    def __init__(
        self,
        loop: Loop,
        folder: str,
        part: int,
        *,
        on_news: Callable[[], None],
        on_end: Callable[[Optional[End]], None],
    ) -> None:
        self._loop, self._folder, self._part = loop, folder, part
        self._on_news, self._on_end = on_news, on_end
        self._pid = 0
        self._pipe = -1
        self._pause: Optional[Timer] = None

    def attach(self, pid: int, pipe: int) -> None:
        """Listen to the supervisor that this agent has started."""
        self._pid, self._pipe = pid, pipe
        self._loop.watch(pipe, READ, lambda _: self._heard())

    def find_again(self) -> None:
        """Look after a supervisor that an earlier agent started: its pipe is gone, so look now and then."""
        self._look(LOOK_FIRST_S)

    def cancel(self) -> None:
        """Ask for the end; `on_end` follows."""
        if self._pid:
            # Not reaped yet, or only just: while the pipe is open this is still that process.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, supervisor.CANCEL_SIGNAL)
        else:
            supervisor.cancel(self._folder, self._part)

    def _heard(self) -> None:
        try:
            news = os.read(self._pipe, 4096)
        except BlockingIOError:
            return
        if news:
            self._on_news()
            # The pipe is left alone for a moment: many small writes become one look at the files.
            self._loop.unwatch(self._pipe)
            self._pause = self._loop.after(NEWS_PAUSE_S, self._listen)
            self._end_if_there()
            return
        self._ended(supervisor.end_of(self._folder, self._part))

    def _listen(self) -> None:
        self._loop.watch(self._pipe, READ, lambda _: self._heard())

    def _end_if_there(self) -> None:
        end = supervisor.end_of(self._folder, self._part)
        if end is not None:
            self._ended(end)

    def _ended(self, end: Optional[End]) -> None:
        if self._pause is not None:
            self._pause.cancel()
        if self._pipe >= 0:
            self._loop.unwatch(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
        self._pid = 0
        self._on_end(end)

    def _look(self, delay_s: float) -> None:
        # Alive first, end second: a supervisor that ends in between has left its end.
        is_alive = supervisor.is_alive(self._folder)
        end = supervisor.end_of(self._folder, self._part)
        if end is not None or not is_alive:
            self._ended(end)
            return
        self._on_news()
        self._loop.after(delay_s, lambda: self._look(min(LOOK_MAX_S, delay_s * 1.5)))
