"""Associations and their versions."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.api.operations import anything
from hostreeve.capabilities import nodes
from hostreeve.capabilities.associations.actions import changing, checking, tagging
from hostreeve.capabilities.associations.model import association as model
from hostreeve.capabilities.associations.model.association import Association
from hostreeve.capabilities.associations.operations.service import error, following, ssm
from hostreeve.capabilities.associations.store import associations as store

SCANNED_AT_ONCE = 200
_BATCH_MAX = 2_000


@ssm.writes("CreateAssociation", asks=True)
def create_association(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Asks `call.require` for the document and each node that is named."""
    return {"AssociationDescription": model.described(changing.create(call, request))}


@ssm.writes("CreateAssociationBatch", asks=True)
def create_association_batch(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Each entry by itself: what cannot be made is told beside what was."""
    made: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    shared = {m: request[m] for m in ("AssociationDispatchAssumeRole",) if m in request}
    for entry in request["Entries"]:
        try:
            made.append(model.described(changing.create(call, {**shared, **entry})))
        except AwsError as refused:
            if refused.code == "AccessDeniedException":
                raise
            message = f"{refused.code}: {refused.message}"
            failed.append({"Entry": entry, "Message": message, "Fault": "Client"})
    return {"Successful": made, "Failed": failed}


@ssm.writes("UpdateAssociation", asks=True)
def update_association(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Asks `call.require` for the association, its new document and each node that is named."""
    return {"AssociationDescription": model.described(changing.update(call, request))}


@ssm.writes("DeleteAssociation", asks=True)
def delete_association(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    one = _own(call, request, "ssm:DeleteAssociation")
    changing.delete(call, one)
    return {}


@ssm.writes("StartAssociationsOnce", asks=True)
def start_associations_once(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    changing.start_once(call, request["AssociationIds"])
    return {}


@ssm.reads("DescribeAssociation", asks=True)
def describe_association(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    one = _own(call, request, "ssm:DescribeAssociation")
    asked = request.get("AssociationVersion", changing.LATEST)
    if asked in (changing.LATEST, str(one.version)):
        return {"AssociationDescription": model.described(one)}
    found = store.version(call.tx, call.scope, one.association_id, int(asked)) if len(asked) < 10 else None
    if found is None:
        raise error.InvalidAssociationVersion(f"Association {one.association_id} has no version {asked}.")
    return {"AssociationDescription": model.described_version(one, found)}


@ssm.reads("ListAssociationVersions", asks=True)
def list_association_versions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The newest first."""
    one = _own(call, request, "ssm:ListAssociationVersions")
    page = paging.read(request, error=error.InvalidNextToken)
    (before,) = page.parts(int)
    found = store.versions(call.tx, call.scope, one.association_id, before=before, limit=page.limit + 1)
    token = page.token(found, lambda each: each.version)
    listed = [model.listed_version(each) for each in found[: page.limit]]
    return {"AssociationVersions": listed} | following(token)


@ssm.reads("ListAssociations", on=anything)
def list_associations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Filters: InstanceId (whose targets have the node), Name, AssociationId, AssociationStatusName,
    LastExecutedBefore, LastExecutedAfter, AssociationName, ResourceGroupName."""
    page = paging.read(request, error=error.InvalidNextToken)
    filters = {one["key"]: one["value"] for one in request.get("AssociationFilterList", [])}
    if "CloudConnectorId" in filters:
        raise error.ValidationException("CloudConnectorId: there are no cloud connectors in this version.")
    found: list[Association] = []
    after = page.after
    while len(found) <= page.limit:
        rows = store.listed(call.tx, call.scope, after=after, limit=SCANNED_AT_ONCE)
        found += [one for one in rows if _passes(call, one, filters)]
        if len(rows) < SCANNED_AT_ONCE:
            break
        after = rows[-1].association_id
    token = page.token(found, lambda one: one.association_id)
    return {"Associations": [model.listed(one) for one in found[: page.limit]]} | following(token)


def _passes(call: Call, one: Association, filters: Mapping[str, str]) -> bool:
    return all(_matches(call, one, key, value) for key, value in filters.items())


def _matches(call: Call, one: Association, key: str, value: str) -> bool:
    if key == "InstanceId":
        among = {"Key": "InstanceIds", "Values": [value]}
        return bool(one.targets and nodes.targeted(call.tx, call.scope, [*one.targets, among], "", 1))
    if key in ("LastExecutedBefore", "LastExecutedAfter"):
        moment_ms = changing.moment_ms(value)
        return bool(one.last_execution_ms) and (
            one.last_execution_ms < moment_ms
            if key == "LastExecutedBefore"
            else one.last_execution_ms > moment_ms
        )
    if key == "ResourceGroupName":
        return nodes.group_named(one.targets) == value
    known = {
        "Name": one.name,
        "AssociationId": one.association_id,
        "AssociationStatusName": one.status,
        "AssociationName": one.wanted.get("AssociationName", ""),
    }
    return bool(known[key] == value)


def _own(call: Call, request: Mapping[str, Any], action: str) -> Association:
    """The association that a request names, once the caller may do this with it."""
    if "AssociationId" in request:
        call.require(action, [tagging.arn(call.scope, request["AssociationId"])])
        return changing.fetch(call, request["AssociationId"])
    if request.get("Name") and request.get("InstanceId"):
        checking.require_targets(call, action, request)
    return changing.chosen(call, request)
