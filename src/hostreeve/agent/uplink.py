"""What leaves the node about its jobs: replies and output, kept until the server has them.

Nothing is queued in memory: what is not yet acknowledged is read again from the files when there is room.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, Optional, Protocol, Tuple

from hostreeve.agent.loop import Loop
from hostreeve.contract import jobs

RESEND_AFTER_S = 30.0
UNSENT_BYTES_MAX = 262_144
UNACKNOWLEDGED_BYTES_MAX = 524_288
CHUNK_BYTES = 49_152


class Way(Protocol):
    """A way to the server: the control channel, or polling."""

    @property
    def is_open(self) -> bool: ...

    @property
    def takes_output(self) -> bool:
        """Whether live output can be sent this way."""
        ...

    @property
    def unsent_bytes(self) -> int: ...

    def send_reply(self, job_id: str, message_id: str, content: str) -> None: ...

    def send_output(self, chunk: jobs.OutputChunk) -> None: ...


class Reply:
    """A reply that the server has not acknowledged. `compose` writes it afresh each time it is sent."""

    def __init__(
        self, job_id: str, message_id: str, *, compose: Callable[[], str], acknowledged: Callable[[], None]
    ) -> None:
        self.job_id, self.message_id = job_id, message_id
        self.compose, self.acknowledged = compose, acknowledged
        self.sent_at = -RESEND_AFTER_S


class Source:
    """One stream of one step: a file, and how much of it is sent and acknowledged."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.sent = self.acknowledged = 0
        self.progress_at = 0.0

    def size(self) -> int:
        try:
            return Path(self.path).stat().st_size
        except OSError:
            return 0


Key = Tuple[str, str, str]
"""Job id, step id, stream."""


class Uplink:
    """Sends what is due as soon as there is a way, and again when the server stays silent."""

    def __init__(self, loop: Loop, ways: List[Way]) -> None:
        self._loop, self._ways = loop, ways
        self._replies: Dict[str, Reply] = {}
        self._sources: Dict[Key, Source] = {}
        self._is_resending = False

    @property
    def pending(self) -> int:
        """Replies that the server has not acknowledged."""
        return len(self._replies)

    def send_once(self, job_id: str, message_id: str, content: str) -> None:
        """A reply that need not arrive (the first InProgress)."""
        way = self._way()
        if way is not None:
            way.send_reply(job_id, message_id, content)

    def send(self, reply: Reply) -> None:
        self._replies[reply.message_id] = reply
        self._send_replies()

    def reply_acknowledged(self, message_id: str) -> None:
        reply = self._replies.pop(message_id, None)
        if reply is not None:
            reply.acknowledged()

    def follow(self, key: Key, path: str) -> None:
        """Send this file's bytes, those there are and those to come."""
        if key not in self._sources:
            self._sources[key] = Source(path)

    def forget(self, job_id: str) -> None:
        for key in [key for key in self._sources if key[0] == job_id]:
            del self._sources[key]

    def is_delivered(self, job_id: str) -> bool:
        """Whether the server holds every byte followed for this job."""
        return all(
            each.acknowledged >= each.size() for key, each in self._sources.items() if key[0] == job_id
        )

    def output_acknowledged(self, ack: jobs.OutputAck) -> None:
        source = self._sources.get((ack.job_id, ack.step_id, ack.stream))
        if source is None:
            return
        # The server says how far it is: after a restart of ours that may be beyond what we remember sending,
        # after a restart of its own never before what it acknowledged.
        source.acknowledged = min(max(source.acknowledged, ack.offset), source.size())
        source.sent = max(source.sent, source.acknowledged)
        source.progress_at = self._loop.world.monotonic()
        self.pump()

    def way_opened(self) -> None:
        """A way is open (again): everything unacknowledged is sent anew."""
        for reply in self._replies.values():
            reply.sent_at = -RESEND_AFTER_S
        for source in self._sources.values():
            source.sent = source.acknowledged
        self.pump()
        self._send_replies()

    def pump(self) -> None:
        """Send as much output as there is room for, a chunk of each stream in turn."""
        way = self._way()
        if way is None or not way.takes_output:
            return
        has_sent = True
        while has_sent:
            has_sent = False
            for key, source in self._sources.items():
                if way.unsent_bytes > UNSENT_BYTES_MAX or self._unacknowledged() > UNACKNOWLEDGED_BYTES_MAX:
                    self._resend_later()
                    return
                has_sent = self._send_chunk(way, key, source) or has_sent

    def _send_chunk(self, way: Way, key: Key, source: Source) -> bool:
        if source.sent >= source.size():
            return False
        try:
            with Path(source.path).open("rb") as file:
                file.seek(source.sent)
                chunk = file.read(CHUNK_BYTES)
        except OSError:
            return False
        if not chunk:
            return False
        if source.sent == source.acknowledged:
            source.progress_at = self._loop.world.monotonic()
        way.send_output(jobs.OutputChunk(key[0], key[1], key[2], source.sent, chunk))
        source.sent += len(chunk)
        self._resend_later()
        return True

    def _unacknowledged(self) -> int:
        return sum(each.sent - each.acknowledged for each in self._sources.values())

    def _send_replies(self) -> None:
        way = self._way()
        now = self._loop.world.monotonic()
        for reply in list(self._replies.values()):
            if way is None or way.unsent_bytes > UNSENT_BYTES_MAX:
                break
            if now - reply.sent_at >= RESEND_AFTER_S:
                reply.sent_at = now
                way.send_reply(reply.job_id, reply.message_id, reply.compose())
        if self._replies:
            self._resend_later()

    def _resend_later(self) -> None:
        if not self._is_resending:
            self._is_resending = True
            self._loop.after(RESEND_AFTER_S, self._resend)

    def _resend(self) -> None:
        self._is_resending = False
        now = self._loop.world.monotonic()
        for source in self._sources.values():
            if source.sent > source.acknowledged and now - source.progress_at >= RESEND_AFTER_S:
                source.sent = source.acknowledged
        self.pump()
        self._send_replies()
        if self._way() is not None and self._unacknowledged() > 0:
            self._resend_later()

    def _way(self) -> Optional[Way]:
        return next((way for way in self._ways if way.is_open), None)
