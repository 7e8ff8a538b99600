"""The resource policies by which advanced parameters are shared with other accounts."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities.parameters.actions import sharing
from hostreeve.capabilities.parameters.operations.service import ssm
from hostreeve.platform import identity


@ssm.writes("PutResourcePolicy", asks=True)
def put_resource_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    made = sharing.put(
        call,
        request["ResourceArn"],
        request["Policy"],
        policy_id=request.get("PolicyId"),
        policy_hash=request.get("PolicyHash"),
    )
    return {"PolicyId": made.policy_id, "PolicyHash": made.policy_hash}


@ssm.reads("GetResourcePolicies", asks=True)
def get_resource_policies(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """All policies of a parameter: there is one at most, so there is never a second page."""
    found = sharing.find(call, request["ResourceArn"], "ssm:GetResourcePolicies")
    if found is None:
        return {"Policies": []}
    policy = identity.show_principals(call.tx, found.policy)
    shown = {"PolicyId": found.policy_id, "PolicyHash": found.policy_hash, "Policy": policy}
    return {"Policies": [shown]}


@ssm.writes("DeleteResourcePolicy", asks=True)
def delete_resource_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    sharing.delete(
        call, request["ResourceArn"], policy_id=request["PolicyId"], policy_hash=request["PolicyHash"]
    )
    return {}
