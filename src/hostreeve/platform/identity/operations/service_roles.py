"""Service-linked roles: made for a service, changed by nobody else."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.identity.actions import service_roles
from hostreeve.platform.identity.model import (
    SERVICE_LINKED_PATH,
    SERVICE_ROLES,
    identity_arn,
    is_service_linked,
)
from hostreeve.platform.identity.operations import roles
from hostreeve.platform.identity.operations.service import error, iam, wanted
from hostreeve.platform.identity.store import identities, role_uses

SUCCEEDED = "SUCCEEDED"


@iam.writes("CreateServiceLinkedRole", asks=True)
def create_service_linked_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The role that the service is known to need, with its policy. A service has one in an account."""
    service = request["AWSServiceName"]
    known = SERVICE_ROLES.get(service)
    name, path = known.name if known else "*", f"{SERVICE_LINKED_PATH}{service}/"
    call.require(
        "iam:CreateServiceLinkedRole",
        [identity_arn(call.scope.account, "role", path, name)],
        {"iam:AWSServiceName": [service]},
    )
    if known is None:
        raise error.InvalidInput(f"There is no service-linked role for {service}.")
    if request.get("CustomSuffix"):
        raise error.InvalidInput(f"Custom suffix is not allowed for {service}")
    if identities.find(call.tx, call.scope, "role", name):
        raise error.InvalidInput(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        )
    role = service_roles.make(
        call.tx,
        call.world,
        account=call.scope.account,
        service=service,
        description=request.get("Description", ""),
        now_ms=call.now_ms,
    )
    return {"Role": roles.listed(call.tx, role)}


@iam.writes("DeleteServiceLinkedRole", asks=True)
def delete_service_linked_role(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The role is gone with the answer; its service makes it anew when it needs it."""
    role = wanted(call, "role", request["RoleName"], "iam:DeleteServiceLinkedRole")
    if not is_service_linked(role):
        raise error.InvalidInput(f"{role.name} is not a service-linked role.")
    service = role.path.strip("/").rpartition("/")[2]
    task_id = f"task{SERVICE_LINKED_PATH}{service}/{role.name}/{call.world.uuid()}"
    roles.remove(call, role)
    role_uses.insert_deletion(call.tx, call.scope, task_id, SUCCEEDED)
    return {"DeletionTaskId": task_id}


@iam.reads("GetServiceLinkedRoleDeletionStatus", asks=True)
def get_service_linked_role_deletion_status(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    task_id = request["DeletionTaskId"]
    role_arn = call.scope.arn("iam", f"role/{task_id.removeprefix('task/').rpartition('/')[0]}")
    call.require("iam:GetServiceLinkedRoleDeletionStatus", [role_arn])
    status = role_uses.deletion_status(call.tx, call.scope, task_id)
    if status is None:
        raise error.NoSuchEntity(f"Deletion task {task_id} cannot be found.")
    return {"Status": status}
