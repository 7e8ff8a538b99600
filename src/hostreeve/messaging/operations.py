"""The node link's operations: polling for messages (ec2messages) and opening channels (ssmmessages).

A node speaks only for itself here; what its messages mean is the listener's, which `report_to` names.
"""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.operations import Operations, Waits, anything
from hostreeve.contract import jobs as wire
from hostreeve.kernel import limits
from hostreeve.messaging import frames, store, tokens
from hostreeve.messaging.listener import Listener
from hostreeve.messaging.mailbox import MAILBOX
from hostreeve.messaging.model import VISIBILITY_MS_MIN, Delivery

ec2messages = Operations("ec2messages")
ssmmessages = Operations("ssmmessages")
error = ec2messages.errors

NO_CHANNEL = 0
"""The epoch under which polls claim; those of channels begin with 1."""

_listeners: list[Listener] = []


def report_to(listener: Listener) -> None:
    """From now on this listener hears what polling nodes report. Said once, where the program is composed."""
    _listeners[:] = [listener]


def _destination(request: dict[str, Any]) -> str:
    return str(request["Destination"])


def _is_empty(answer: dict[str, Any]) -> bool:
    return not answer["Messages"]


def no_messages(call: Call, request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer of a poll that finds nothing, without a write; None where there is something to claim."""
    node_id = _only_itself(call, request["Destination"])
    may_have = not store.is_open(call.tx, call.scope, node_id, call.now_ms)
    if may_have and store.has_due(call.tx, call.scope, {node_id: NO_CHANNEL}, call.now_ms):
        return None
    return _answered(request, [])


LONG_POLL = Waits(
    channel=MAILBOX,
    key=_destination,
    empty=_is_empty,
    timeout_s=limits.LONG_POLL_S_MAX,
    idle=no_messages,
)


@ec2messages.writes("GetMessages", on=anything, waits=LONG_POLL)
def get_messages(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What waits for a node that has no open channel (while it has one, its jobs go there)."""
    node_id = _only_itself(call, request["Destination"])
    visible_ms = max(VISIBILITY_MS_MIN, 1000 * request.get("VisibilityTimeoutInSeconds", 0))
    messages: list[dict[str, Any]] = []
    if not store.is_open(call.tx, call.scope, node_id, call.now_ms):
        epochs = {node_id: NO_CHANNEL}
        claimed, _ = store.claim(call.tx, call.scope, epochs, now_ms=call.now_ms, visible_ms=visible_ms)
        contents = store.contents(call.tx, {each.content_id for each in claimed})
        messages = [_message(each, contents) for each in claimed if each.content_id in contents]
    return _answered(request, messages)


def _answered(request: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Destination": request["Destination"],
        "MessagesRequestId": request["MessagesRequestId"],
        "Messages": messages,
    }


@ec2messages.writes("AcknowledgeMessage", on=anything)
def acknowledge_message(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The message is on the node's disk."""
    return _taken(call, request["MessageId"])


@ec2messages.writes("DeleteMessage", on=anything)
def delete_message(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The node is done with the message."""
    return _taken(call, request["MessageId"])


@ec2messages.writes("SendReply", on=anything)
def send_reply(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A reply document about a job."""
    job_id = request["MessageId"]
    node_id = _only_itself(call, _node_of(job_id))
    try:
        document = frames.read_document(request["Payload"])
    except ValueError:
        raise error.InvalidMessage("The payload is not a JSON object.") from None
    # The official agent replies to a cancel, too, before it acknowledges it: no news about a command.
    if store.is_cancel(call.tx, call.scope, job_id):
        return {}
    for listener in _listeners:
        listener.replied(call.tx, call.scope, node_id, job_id, document, call.now_ms)
    return {}


@ec2messages.writes("FailMessage", on=anything)
def fail_message(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The node cannot make sense of the message."""
    job_id = request["MessageId"]
    node_id = _only_itself(call, _node_of(job_id))
    if store.delete_jobs(call.tx, call.scope, [job_id]):
        for listener in _listeners:
            listener.refused(call.tx, call.scope, node_id, job_id, request["FailureType"], call.now_ms)
    return {}


@ssmmessages.writes("CreateControlChannel", on=anything)
def create_control_channel(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """A token with which the node opens its WebSocket within the next minutes."""
    node_id = _only_itself(call, request["InstanceId"], ssmmessages.errors)
    token = tokens.control_channel_token(call.keys, call.scope, node_id, call.now_ms)
    return {"MessageSchemaVersion": request["MessageSchemaVersion"], "TokenValue": token}


def _only_itself(call: Call, node_id: str, errors: ServiceErrors = error) -> str:
    if call.principal.node_id != node_id:
        raise errors.AccessDeniedException(
            f"User: {call.principal.arn} is not authorized to act for the managed node {node_id}."
        )
    return node_id


def _node_of(job_id: str) -> str:
    try:
        return frames.node_of(job_id)
    except ValueError:
        raise error.InvalidMessage("The message id is not valid.") from None


def _taken(call: Call, job_id: str) -> dict[str, Any]:
    node_id = _only_itself(call, _node_of(job_id))
    if store.delete_jobs(call.tx, call.scope, [job_id]):
        for listener in _listeners:
            listener.acknowledged(call.tx, call.scope, node_id, job_id, call.now_ms)
    return {}


def _message(delivery: Delivery, contents: dict[str, str]) -> dict[str, Any]:
    """All five members must be there: the official agent drops a message that lacks one."""
    return {
        "CreatedDate": wire.timestamp(delivery.posted_ms),
        "Destination": delivery.node_id,
        "MessageId": delivery.job_id,
        "Payload": contents[delivery.content_id],
        "Topic": delivery.topic,
    }
