"""What the agent says of itself in status.json, for `hostreeve-agent status` and for people."""

from __future__ import annotations

from typing import Any, Dict

from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.agent.state import Refused, State
from hostreeve.contract.jobs import timestamp


def read(state: State, now_ms: int) -> Dict[str, Any]:
    """The status as members to show. Refused when the folder holds no enrolment."""
    node = state.node()
    written = state.read("status.json") or {}
    is_running = _is_held(state)
    credentials = state.read("credentials.json") or {}
    expires_ms = credentials.get("expires_ms")
    status: Dict[str, Any] = {
        "NodeId": node.node_id,
        "Server": node.server,
        "Region": node.region,
        "Account": node.account,
        "AgentVersion": AGENT_VERSION,
        "IsRunning": is_running,
        "Connection": written.get("connection", "none") if is_running else "none",
        "Trouble": written.get("trouble", "") if is_running else "the agent is not running",
        "RunningCommands": written.get("running", 0) if is_running else 0,
        "QueuedCommands": written.get("queued", 0) if is_running else 0,
        "UnansweredReplies": written.get("pending", 0),
    }
    if isinstance(expires_ms, int):
        status["CredentialsExpire"] = timestamp(expires_ms)
        status["CredentialsAreValid"] = expires_ms > now_ms
    return status


def _is_held(state: State) -> bool:
    try:
        return state.holder() != 0
    except OSError as wrong:
        raise Refused(f"cannot look into {state.folder}: {wrong.strerror}") from None
