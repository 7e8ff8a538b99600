"""What managed nodes do and have done to them: register, prove themselves, report, be found, leave."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from hostreeve.api.call import Call, Principal
from hostreeve.api.errors import ServiceErrors, common
from hostreeve.api.service_models import service
from hostreeve.capabilities.nodes.model import (
    KEY_ROTATED_AFTER_MS,
    SERVICE_PRINCIPAL,
    TOKEN_S,
    Activation,
    MachineKey,
    Node,
    is_fit,
    is_instance,
    new_node_id,
    node_arn,
)
from hostreeve.capabilities.nodes.store import activations, nodes
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox
from hostreeve.persistence.database import Transaction
from hostreeve.platform import compute, groups, identity

error = ServiceErrors(service("ssm"))

Leaves = Callable[[Transaction, Scope, str, int], None]
_followers: list[Leaves] = []

INSTANCE = "EC2Instance"
INSTANCE_COLUMNS = {"ComputerName": "private_dns", "IPAddress": "private_ip", "PlatformType": "platform"}
"""What an instance's agent says that EC2 shows."""

AGENT_COLUMNS = {
    "AgentName": "agent_name",
    "AgentStatus": "agent_status",
    "AgentVersion": "agent_version",
    "AvailabilityZone": "availability_zone",
    "AvailabilityZoneId": "availability_zone_id",
    "ComputerName": "computer_name",
    "IPAddress": "ip_address",
    "PlatformName": "platform_name",
    "PlatformType": "platform_type",
    "PlatformVersion": "platform_version",
}


def require_role(call: Call, name: str) -> str:
    """The ARN of a role that the caller may pass and that trusts Systems Manager."""
    role = identity.find_role(call.tx, call.scope.account, name)
    arn = role.arn if role else call.scope.everywhere().arn("iam", f"role/{name}")
    if role is None or not identity.trusts(role, SERVICE_PRINCIPAL):
        raise error.ValidationException(
            f"Nonexistent role or missing ssm service principal in trust policy: {arn}"
        )
    call.require("iam:PassRole", [arn], {"iam:PassedToService": [SERVICE_PRINCIPAL]})
    return str(arn)


def register(call: Call, request: Mapping[str, Any]) -> Node:
    """Make a machine a managed node. The same machine asking again (its answer was lost) is the same node."""
    activation = activations.find(call.tx, request["ActivationId"])
    if activation is None or not activation.is_opened_by(request["ActivationCode"]):
        raise error.InvalidActivation("The activation is not valid: its id or its code is wrong.")
    public_key = _public_key(request["PublicKey"])
    node_id = nodes.registered_with(call.tx, activation.activation_id, public_key, request["Fingerprint"])
    if node_id is None:
        if not activations.count_registration(call.tx, activation.activation_id, call.now_ms):
            raise error.InvalidActivation("The activation is not valid: it is expired or used up.")
        node_id = _new_node(call, activation, request, public_key)
    return nodes.find_many(call.tx, activation.scope, [node_id], call.now_ms)[node_id]


def _new_node(call: Call, activation: Activation, request: Mapping[str, Any], public_key: bytes) -> str:
    scope = activation.scope
    is_adopted = request.get("ResourceType") == INSTANCE
    node_id = _adopted(call, activation, request) if is_adopted else new_node_id(call.world)
    key = MachineKey(
        account=scope.account,
        region=scope.region,
        node_id=node_id,
        iam_role=activation.iam_role,
        fingerprint=request["Fingerprint"],
        public_key=public_key,
        key_changed_ms=call.now_ms,
    )
    nodes.insert(
        call.tx,
        key,
        activation_id=activation.activation_id,
        name=activation.default_instance_name,
        now_ms=call.now_ms,
    )
    tags = activation.tags
    if is_adopted and activation.default_instance_name:
        # EC2 keeps an instance's name in a tag.
        tags = {"Name": activation.default_instance_name, **tags}
    if tags:
        # Whether policies allow them was asked when the activation was made.
        groups.keep_tags(call.tx, scope, node_arn(scope, node_id), tags)
    return node_id


def _adopted(call: Call, activation: Activation, request: Mapping[str, Any]) -> str:
    """The machine is to be an EC2 instance: compute keeps what EC2 tells of it."""
    adopted = compute.adopt(
        call.tx,
        activation.scope,
        call.world,
        role=activation.iam_role,
        architecture=request.get("Architecture", ""),
        now_ms=call.now_ms,
    )
    return adopted.instance_id


def _public_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not is_fit(key):
        raise error.InvalidParameters("The public key is not an RSA key of at least 2048 bits.")
    return key


def machine_key(tx: Transaction, node_id: str) -> tuple[bytes, Principal]:
    """A node's public key (DER) and the principal that it proves. AccessDenied when it is unknown."""
    key = nodes.machine_key(tx, node_id)
    if key is None:
        # The official agent then asks again in half an hour: right for a node that was deregistered.
        raise common.AccessDeniedException(f"{node_id[:124]} is not a registered managed node.")
    arn = node_arn(Scope(key.account, key.region), node_id)
    return key.public_key, Principal(key.account, arn, node_id, node_id, node_id)


def role_token(call: Call, fingerprint: str) -> dict[str, Any]:
    """Credentials of the node's role, bound to the node, and whether it should change its key."""
    key = _own_key(call)
    if key.fingerprint != fingerprint:
        raise error.MachineFingerprintDoesNotMatch(
            f"The fingerprint does not match the one that {key.node_id} registered with."
        )
    issued = identity.issue_role_credentials(
        call.tx,
        call.keys,
        call.world,
        account=key.account,
        role_name=key.iam_role,
        session_name=key.node_id,
        node_id=key.node_id,
        duration_s=TOKEN_S,
        now_ms=call.now_ms,
    )
    return {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret,
        "SessionToken": issued.session_token,
        "TokenExpirationDate": issued.expires_ms / 1000,
        "UpdateKeyPair": call.now_ms - key.key_changed_ms >= KEY_ROTATED_AFTER_MS,
    }


def change_key(call: Call, new_key: str) -> None:
    """From the commit on only the new key is accepted."""
    key = _own_key(call)
    nodes.change_key(call.tx, call.scope, key.node_id, _public_key(new_key), call.now_ms)


def _own_key(call: Call) -> MachineKey:
    key = nodes.machine_key(call.tx, call.principal.node_id or "")
    if key is None or Scope(key.account, key.region) != call.scope:
        raise common.AccessDeniedException("This Region has no such managed node.")
    return key


def report(call: Call, request: Mapping[str, Any]) -> None:
    """A heartbeat, and what the agent says of its machine."""
    node_id = itself(call, request["InstanceId"])
    reported = {column: request.get(member, "") for member, column in AGENT_COLUMNS.items()}
    if not nodes.report(call.tx, call.scope, node_id, reported, call.now_ms):
        raise error.InvalidInstanceId(f"{node_id} is not a registered managed node.")
    if is_instance(node_id):
        said = {column: request.get(member, "") for member, column in INSTANCE_COLUMNS.items()}
        compute.report(call.tx, call.scope, node_id, said)


def itself(call: Call, node_id: str) -> str:
    """A node reports about itself and nobody else."""
    if call.principal.node_id != node_id:
        raise error.AccessDeniedException(
            f"User: {call.principal.arn} is not authorized to act for the managed node {node_id}."
        )
    return node_id


def deregister(call: Call, node_id: str) -> None:
    """The node is gone: its credentials, mailbox, channel and tags with it. What it did stays on record.

    An EC2 instance is let go by TerminateInstances: the model of this operation takes no such id.
    """
    if not let_go(call, node_id):
        raise error.InvalidInstanceId(f"{node_id} is not a registered managed node.")
    groups.forget(call.tx, call.scope, node_arn(call.scope, node_id))


def let_go(call: Call, node_id: str) -> bool:
    """All of a node but its tags is gone. False when there was none."""
    if not nodes.existing(call.tx, call.scope, [node_id]):
        return False
    for leaves in _followers:
        leaves(call.tx, call.scope, node_id, call.now_ms)
    nodes.delete(call.tx, call.scope, node_id)
    identity.revoke_node(call.tx, call.scope.account, node_id)
    mailbox.forget_node(call.tx, call.scope, node_id)
    return True


def announce_leaving(*followers: Leaves) -> None:
    """Told, in the same transaction and just before it, that a node is managed no more: its id, and when."""
    _followers.extend(each for each in followers if each not in _followers)
