"""What agents call: to register, to get credentials, to report; and what ends that."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities.nodes.actions import finding, joining
from hostreeve.capabilities.nodes.operations.service import error, node, ssm
from hostreeve.capabilities.nodes.store import nodes as store


@ssm.writes("RegisterManagedInstance", signer="nobody")
def register_managed_instance(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Unsigned: the activation's code is the proof. Region and account are for our own agent."""
    registered = joining.register(call, request)
    return {
        "InstanceId": registered.node_id,
        "Region": registered.region,
        "AccountId": registered.account,
    }


# A machine key proves that the caller is the node itself, and these two touch nothing but the node.
@ssm.writes("RequestManagedInstanceRoleToken", signer="machine-key", asks=True)
def request_managed_instance_role_token(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """All five members, always: the official agent crashes when one is missing."""
    return joining.role_token(call, request["Fingerprint"])


@ssm.writes("UpdateManagedInstancePublicKey", signer="machine-key", asks=True)
def update_managed_instance_public_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    joining.change_key(call, request["NewPublicKey"])
    return {}


@ssm.writes("UpdateInstanceInformation", on=node)
def update_instance_information(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    joining.report(call, request)
    return {}


@ssm.writes("DeregisterManagedInstance", on=node)
def deregister_managed_instance(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    joining.deregister(call, request["InstanceId"])
    return {}


@ssm.writes("UpdateManagedInstanceRole", on=node)
def update_managed_instance_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The node gets credentials of the new role with its next role token."""
    if not finding.exists(call.tx, call.scope, request["InstanceId"]):
        raise error.InvalidInstanceId(f"{request['InstanceId']} is not a registered managed node.")
    joining.require_role(call, request["IamRole"])
    store.change_role(call.tx, call.scope, request["InstanceId"], request["IamRole"])
    return {}
