"""aws:updateSsmAgent: this agent replaced by the one that its server hands out, or kept if that fails."""

from __future__ import annotations

from typing import Any

from hostreeve.agent.order import InvalidInputs, Order, Place
from hostreeve.agent.plugins.task import flag_in, object_of, order_for_task, text_in

_OURS = ("", "amazon-ssm-agent", "hostreeve-agent")


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs when the inputs have another form; OSError when the task cannot be written."""
    members = object_of(inputs or {})
    agent_name = text_in(members, "agentName")
    if agent_name not in _OURS:
        raise InvalidInputs(f"agentName: this node has no agent named {agent_name!r}")
    task = {
        "targetVersion": text_in(members, "targetVersion"),
        "allowDowngrade": flag_in(members, "allowDowngrade"),
        "source": text_in(members, "source"),
    }
    return order_for_task("update_ssm_agent", task, place)
