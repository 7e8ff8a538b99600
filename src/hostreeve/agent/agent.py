"""The running agent: who is told what. Everything meets here; the parts do not know one another."""

from __future__ import annotations

import gc
import os
import signal
from typing import Any, Callable, Dict, Optional

from hostreeve.agent import children, machine
from hostreeve.agent.credentials import RoleCredentials
from hostreeve.agent.desk import Desk, Office
from hostreeve.agent.journal import Journal
from hostreeve.agent.link import CREDENTIALS_ERRORS, Link
from hostreeve.agent.log import Log
from hostreeve.agent.loop import Loop, Timer
from hostreeve.agent.polling import Polling
from hostreeve.agent.server import SSM, Answer, Denied, Server
from hostreeve.agent.state import RESTART_SIGNAL, Refused, State
from hostreeve.agent.stream import Unreachable, endpoint
from hostreeve.agent.trust import Trust
from hostreeve.agent.uplink import Uplink
from hostreeve.contract import frames, jobs
from hostreeve.kernel.world import RealWorld

REPORT_EVERY_S = 300.0
POLL_AFTER_S = 30.0
"""How long the channel may be unreachable before messages are asked for."""


def run(state: State) -> int:
    """Be the agent of this folder until told to stop (SIGTERM, SIGINT). Refused when it cannot start."""
    node = state.node()
    state.create()
    with state.held():
        agent = Agent(state)
        agent.start()
        agent.loop.run_until(lambda: agent.is_told_to_stop)
        agent.stop()
    if agent.is_told_to_restart:
        return _become_installed(state, agent.log)
    agent.log.info(f"{node.node_id} stops; running commands go on and are reported after the next start")
    return 0


def _become_installed(state: State, log: Log) -> int:
    """Go on as what is installed now, under the same process id: whoever watches over it sees no end."""
    launcher = f"{children.home_of_code()}/hostreeve-agent"
    log.info(f"starting anew as {launcher}")
    try:
        os.execv(launcher, [launcher, "run", "--state", str(state.folder)])
    except OSError as wrong:
        log.error(f"cannot start {launcher}: {wrong.strerror}")
    return EXIT_RESTART


EXIT_RESTART = 75
"""A service manager starts the agent again."""


class Agent:
    """Composition of the parts, and the paths of messages between them."""

    def __init__(self, state: State) -> None:
        world = RealWorld()
        self.loop, self.log = Loop(world), Log(world)
        self.is_told_to_stop = self.is_told_to_restart = False
        self._run_id = world.uuid()
        self._state, self._node = state, state.node()
        try:
            server_endpoint = endpoint(self._node.server, str(state.ca))
        except ValueError as wrong:
            raise Refused(f"{wrong}. Enrol again with --force") from None
        node_id = self._node.node_id
        self._machine = machine.describe()
        self._server = Server(self.loop, server_endpoint, self._node.region)
        self._credentials = RoleCredentials(
            self._server, state, self._node, log=self.log, on_ready=self._have_credentials
        )
        self._trust = Trust(self._server, state, self._node, self.log)
        self._link = Link(
            self._server,
            node_id,
            self.log,
            on_open=self._channel_opened,
            on_message=self._message,
            on_trouble=self._channel_trouble,
        )
        self._polling = Polling(
            self._server,
            node_id,
            self.log,
            on_open=self._polling_opened,
            on_job=self._polled_job,
            on_acknowledged=lambda message_id: self._uplink.reply_acknowledged(message_id),
        )
        self._uplink = Uplink(self.loop, [self._link, self._polling])
        boot = state.boot_id(self._node)
        office = Office(self.loop, self.log, state, self._node, self._machine, boot)
        self._desk = Desk(office, Journal(state.journal), self._uplink)
        self._without_channel_since = world.monotonic()
        self._status_timer: Optional[Timer] = None
        self._readers: Dict[str, Callable[[frames.AgentMessage], None]] = {
            jobs.AGENT_JOB: self._job,
            jobs.AGENT_JOB_REPLY_ACK: lambda m: self._desk.reply_acknowledged(jobs.read_reply_ack(m.payload)),
            jobs.AGENT_JOB_OUTPUT_ACK: lambda m: self._desk.output_acknowledged(
                jobs.read_output_ack(m.payload)
            ),
            jobs.INTERACTIVE_SHELL: self._session,
        }

    def start(self) -> None:
        self.loop.listen_to_signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.on_signal(number, self._told_to_stop)
        self.loop.on_signal(RESTART_SIGNAL, self._told_to_restart)
        self.log.info(f"{self._node.node_id} starts, server {self._node.server}")
        self._desk.open()
        self._credentials.start()
        self._write_status()
        # What is loaded now stays: it need not be looked through again, nor copied in forked supervisors.
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        self._polling.stop()
        self._link.close()
        self._write_status()

    def _told_to_stop(self) -> None:
        self.is_told_to_stop = True

    def _told_to_restart(self) -> None:
        self.is_told_to_stop = self.is_told_to_restart = True

    def _have_credentials(self) -> None:
        self._trust.start()
        self._report()
        self._link.open()

    def _report(self) -> None:
        self.loop.after(REPORT_EVERY_S, self._report)
        members: Dict[str, Any] = {
            "AgentName": machine.AGENT_NAME,
            "AgentStatus": "Active",
            "AgentVersion": machine.AGENT_VERSION,
            "ComputerName": self._machine.computer_name,
            "IPAddress": machine.address_towards(self._server.endpoint.host, self._server.endpoint.port),
            "InstanceId": self._node.node_id,
            "PlatformName": self._machine.platform_name,
            "PlatformType": machine.PLATFORM_TYPE,
            "PlatformVersion": self._machine.platform_version,
            "SSMConnectionChannel": "ec2messages" if self._polling.is_open else "ssmmessages",
        }
        self._server.call(SSM, "UpdateInstanceInformation", members, self._reported)

    def _reported(self, answer: Answer) -> None:
        if isinstance(answer, (Denied, Unreachable)):
            self.log.warning(f"cannot report this node's state: {answer}")
        if isinstance(answer, Denied) and answer.code in CREDENTIALS_ERRORS:
            self._credentials.renew()

    def _channel_opened(self) -> None:
        self._without_channel_since = 0.0
        self._polling.stop()
        self._write_status_soon()
        self._uplink.way_opened()

    def _channel_trouble(self, denied: Optional[Denied]) -> None:
        now = self.loop.world.monotonic()
        if self._without_channel_since == 0.0:
            self._without_channel_since = now
        if denied is not None and denied.code in CREDENTIALS_ERRORS:
            self._credentials.renew()
        elif (denied and not denied.is_temporary) or now - self._without_channel_since > POLL_AFTER_S:
            self._polling.start()
        self._write_status_soon()

    def _polling_opened(self) -> None:
        self._write_status_soon()
        self._uplink.way_opened()

    def _polled_job(self, job: jobs.AgentJob) -> str:
        code = self._desk.take_on(job)
        self.loop.after(0, self._desk.started)
        return code

    def _message(self, message: frames.AgentMessage) -> None:
        reader = self._readers.get(message.message_type)
        if reader is None:
            return
        try:
            reader(message)
        except Exception as wrong:  # noqa: BLE001 - whatever is sent, the agent lives on
            self.log.warning(f"skipped {message.message_type}: {wrong!r}")

    def _job(self, message: frames.AgentMessage) -> None:
        job = jobs.read_agent_job(message.payload)
        code = self._desk.take_on(job)
        ack = jobs.JobAck(job.job_id, message.message_id, message.created_ms, code)
        self._link.send(jobs.AGENT_JOB_ACK, ack.encode())
        self._desk.started()

    def _session(self, message: frames.AgentMessage) -> None:
        members = jobs.object_in(message.payload)
        refusal = {
            "SchemaVersion": 1,
            "TaskId": jobs.text_of(members, "TaskId"),
            "Topic": jobs.AGENT_TASK_COMPLETE,
            "FinalTaskStatus": "Failed",
            "IsRoutingFailure": False,
            "AwsAccountId": "",
            "InstanceId": self._node.node_id,
            "Output": "This version of the Hostreeve agent has no sessions.",
            "S3Bucket": "",
            "S3UrlSuffix": "",
            "CwlGroup": "",
            "CwlStream": "",
            "RetryNumber": 1,
        }
        self._link.send(jobs.AGENT_TASK_COMPLETE, jobs.to_json(refusal))

    def _write_status_soon(self) -> None:
        if self._status_timer is None or not self._status_timer.pending:
            self._status_timer = self.loop.after(0.5, self._write_status)

    def _write_status(self) -> None:
        way = "channel" if self._link.is_open else "polling" if self._polling.is_open else "none"
        status = {
            "connection": way,
            "trouble": self._credentials.trouble or self._link.trouble,
            "running": self._desk.running,
            "queued": self._desk.queued,
            "pending": self._uplink.pending,
            "version": machine.AGENT_VERSION,
            "run": self._run_id,
        }
        try:
            self._state.write("status.json", status, durable=False)
        except OSError as wrong:
            self.log.warning(f"cannot write status.json: {wrong}")
