"""The older way: asking ec2messages for jobs, while the control channel is refused or unreachable."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from hostreeve.agent.http import Exchange
from hostreeve.agent.log import Log
from hostreeve.agent.loop import Timer
from hostreeve.agent.server import MESSAGES, Answer, Denied, Server
from hostreeve.agent.stream import Unreachable
from hostreeve.contract import jobs

HOLD_S = 25.0
"""Servers hold a question without an answer for up to 18 seconds."""

PAUSE_S = 2.0
WAIT_FIRST_S, WAIT_MAX_S = 0.5, 30.0


class Polling:
    """Asks while `start`ed. `on_job` takes a job on and answers the code of its acknowledgement."""

    takes_output = False
    unsent_bytes = 0

    def __init__(
        self,
        server: Server,
        node_id: str,
        log: Log,
        *,
        on_open: Callable[[], None],
        on_job: Callable[[jobs.AgentJob], str],
        on_acknowledged: Callable[[str], None],
    ) -> None:
        self._server, self._node_id, self._log = server, node_id, log
        self._on_open, self._on_job, self._on_acknowledged = on_open, on_job, on_acknowledged
        self._exchange: Optional[Exchange] = None
        self._timer: Optional[Timer] = None
        self._wait_s = WAIT_FIRST_S
        self._asked_at = 0.0
        self.is_wanted = self.is_open = False

    def start(self) -> None:
        if not self.is_wanted:
            self.is_wanted = True
            self._log.info("asking for messages while there is no control channel")
            self._ask()

    def stop(self) -> None:
        self.is_wanted = self.is_open = False
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange = None
        if self._timer is not None:
            self._timer.cancel()

    def send_reply(self, job_id: str, message_id: str, content: str) -> None:
        def answered(answer: Answer) -> None:
            if isinstance(answer, dict):
                self._on_acknowledged(message_id)

        members = {"MessageId": job_id, "Payload": content, "ReplyId": message_id}
        self._call("SendReply", members, answered)

    def send_output(self, chunk: jobs.OutputChunk) -> None:
        raise AssertionError("polling takes no live output")

    def _ask(self) -> None:
        if self._server.credentials is None:
            self._again(PAUSE_S)
            return
        self._asked_at = self._server.loop.world.monotonic()
        members = {
            "Destination": self._node_id,
            "MessagesRequestId": self._server.loop.world.uuid(),
            "VisibilityTimeoutInSeconds": 10,
        }
        self._exchange = self._call("GetMessages", members, self._answered)

    def _answered(self, answer: Answer) -> None:
        self._exchange = None
        if isinstance(answer, (Denied, Unreachable)):
            self.is_open = False
            self._again(self._wait_s * (0.5 + self._server.loop.world.fraction()))
            self._wait_s = min(WAIT_MAX_S, self._wait_s * 2)
            return
        self._wait_s = WAIT_FIRST_S
        if not self.is_open:
            self.is_open = True
            self._on_open()
        messages = answer.get("Messages")
        listed: List[Any] = messages if isinstance(messages, list) else []
        for message in listed:
            if isinstance(message, dict):
                self._take(message)
        # A server that answers nothing at once does not hold questions; it is not asked in a tight loop.
        took_s = self._server.loop.world.monotonic() - self._asked_at
        self._again(0.0 if listed or took_s > 1.0 else PAUSE_S)

    def _take(self, message: Dict[str, Any]) -> None:
        try:
            job = jobs.AgentJob(
                job_id=jobs.text_of(message, "MessageId"),
                topic=jobs.text_of(message, "Topic"),
                content=jobs.text_of(message, "Payload"),
            )
        except ValueError as wrong:
            self._log.warning(f"skipped a message: {wrong}")
            return
        code = self._on_job(job)
        if code in (jobs.ACK_SUCCESSFUL, jobs.ACK_DUPLICATE):
            self._call("AcknowledgeMessage", {"MessageId": job.job_id}, _ignore)
        elif code != jobs.ACK_BUFFER_FULL:
            # What was refused with a reply must not come again either.
            members = {"MessageId": job.job_id, "FailureType": "InternalHandlerException"}
            self._call("FailMessage", members, _ignore)

    def _call(self, operation: str, members: Dict[str, Any], answered: Callable[[Answer], None]) -> Exchange:
        return self._server.call(MESSAGES, operation, members, answered, timeout_s=HOLD_S)

    def _again(self, delay_s: float) -> None:
        if self.is_wanted:
            self._timer = self._server.loop.after(delay_s, self._ask)


def _ignore(answer: Answer) -> None:
    """What is not acknowledged comes again, and is recognised."""
