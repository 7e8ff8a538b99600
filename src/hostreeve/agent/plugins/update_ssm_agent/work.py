"""The work of aws:updateSsmAgent: what the server offers, whether it is wanted, and the exchange."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple, Tuple

from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.agent.plugins.control_plane import ControlPlane
from hostreeve.agent.plugins.task import Task
from hostreeve.agent.plugins.update_ssm_agent.installation import Installation, noted_sha256
from hostreeve.agent.plugins.update_ssm_agent.replacement import Replacement
from hostreeve.agent.plugins.worker import StepFailed, say
from hostreeve.agent.state import State
from hostreeve.contract import jobs

_VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}").fullmatch
_SHA256 = re.compile(r"[0-9a-f]{64}").fullmatch


class Offer(NamedTuple):
    """The agent that the server hands out."""

    version: str
    sha256: str


def work(task: Task) -> int:
    """0 when the agent offered runs, or is the one that ran before. StepFailed when the old one goes on."""
    if task.inputs["source"]:
        say("source is not used: this agent is updated only from the server it enrolled with")
    server = ControlPlane(task.state)
    offer = _offered(server)
    if _is_here(offer):
        say(f"The agent is up to date: version {offer.version}")
        return 0
    installation = Installation.of_this_agent()
    _check_wanted(offer, str(task.inputs["targetVersion"]), downgrade=bool(task.inputs["allowDowngrade"]))
    with installation.held():
        archive = server.page("/_hostreeve/agent.pyz")
        if hashlib.sha256(archive).hexdigest() != offer.sha256:
            raise StepFailed(
                "the agent that was fetched is not the one that the server announced; kept the old one"
            )
        installation.stage(archive, server.ca_file, version=offer.version)
        say(f"Updating the agent from version {AGENT_VERSION} to {offer.version}")
        Replacement(State(task.state), installation, patience_s=server.node.update_patience_s).perform(
            offer.version
        )
    say(f"The agent runs version {offer.version}")
    return 0


def _offered(server: ControlPlane) -> Offer:
    try:
        about = jobs.object_in(server.page("/_hostreeve/about"))
    except ValueError:
        raise StepFailed("the server says nothing about the agent it hands out") from None
    version, sha256 = str(about.get("AgentVersion") or ""), str(about.get("AgentSha256") or "")
    if not _VERSION(version) or not _SHA256(sha256):
        raise StepFailed("the server announces no agent (AgentVersion and AgentSha256 on /_hostreeve/about)")
    return Offer(version, sha256)


def _is_here(offer: Offer) -> bool:
    # Of one version there may be several builds; which one is here only the installer has noted.
    return offer.version == AGENT_VERSION and noted_sha256() in ("", offer.sha256)


def _check_wanted(offer: Offer, target: str, *, downgrade: bool) -> None:
    if target not in ("", "latest", "$LATEST", offer.version):
        raise StepFailed(f"the server hands out version {offer.version} of the agent, not {target}")
    if _number(offer.version) < _number(AGENT_VERSION) and not downgrade:
        raise StepFailed(
            f"version {offer.version} is older than this agent's {AGENT_VERSION}: set allowDowngrade to true"
        )


def _number(version: str) -> Tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))
