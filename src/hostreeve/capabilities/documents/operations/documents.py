"""One document: made, changed, shown, deleted."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities.documents.actions import attaching, changing, finding, reviewing
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.model import content
from hostreeve.capabilities.documents.model.document import (
    ACTIVE,
    DocumentVersion,
    described,
    identified,
)
from hostreeve.capabilities.documents.operations.service import document_arns, next_page, ssm, tag_list
from hostreeve.platform import groups

_SHOWN = (
    "Name",
    "CreatedDate",
    "DisplayName",
    "VersionName",
    "DocumentVersion",
    "DocumentType",
    "Requires",
    "ReviewStatus",
)


@ssm.writes("CreateDocument", on=document_arns)
def create_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = changing.create(call, request)
    if request.get("Tags"):
        tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(tags) > groups.TAGS_MAX:
            raise error.ValidationException(f"A document can have {groups.TAGS_MAX} tags.")
        call.require("ssm:AddTagsToResource", [document.arn])
        groups.set_tags(call.tx, call.scope, document.arn, tags)
    # The document can be used at once; AWS's answer says Creating whatever the case.
    return {"DocumentDescription": _described(call, document) | {"Status": "Creating"}}


@ssm.writes("UpdateDocument", on=document_arns)
def update_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = changing.update(call, request)
    return {"DocumentDescription": _described(call, document) | {"Status": "Updating"}}


@ssm.writes("UpdateDocumentDefaultVersion", on=document_arns)
def update_document_default_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = changing.set_default(call, request["Name"], request["DocumentVersion"])
    description = {"Name": document.name, "DefaultVersion": str(document.version)}
    if document.version_name:
        description["DefaultVersionName"] = document.version_name
    return {"Description": description}


@ssm.writes("DeleteDocument", on=document_arns)
def delete_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if changing.delete(call, request):
        groups.forget(call.tx, call.scope, finding.arn(call.scope, request["Name"]))
    return {}


@ssm.reads("GetDocument", on=document_arns)
def get_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = finding.chosen(call.tx, call.scope, request)
    wanted = request.get("DocumentFormat", "JSON")
    shown = identified(document)
    answer: dict[str, Any] = {member: shown[member] for member in _SHOWN if member in shown}
    answer |= {
        "Status": document.status,
        "DocumentFormat": document.format if "TEXT" in (document.format, wanted) else wanted,
        "Content": content.converted(document.text, document.body, stored=document.format, wanted=wanted),
    }
    if document.status_information:
        answer["StatusInformation"] = document.status_information
    files = attaching.contents(call, document)
    return answer | ({"AttachmentsContent": files} if files else {})


@ssm.reads("DescribeDocument", on=document_arns)
def describe_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"Document": _described(call, finding.chosen(call.tx, call.scope, request))}


@ssm.reads("ListDocumentVersions", on=document_arns)
def list_document_versions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, error=error.InvalidNextToken)
    (before,) = page.parts(int)
    found = finding.visible_versions(
        call.tx, call.scope, request["Name"], before=before, limit=page.limit + 1
    )
    token = page.token(found, lambda one: one.version)
    return {"DocumentVersions": [_version(one) for one in found[: page.limit]]} | next_page(token)


def _described(call: Call, document: DocumentVersion) -> dict[str, Any]:
    row = described(document) | reviewing.described(call.tx, call.scope, document)
    # A document's tags are its owner's: others who see it do not see them.
    mine = document.owner == call.scope.account
    return row | {"Tags": tag_list(groups.tags_of(call.tx, call.scope, document.arn)) if mine else []}


def _version(document: DocumentVersion) -> dict[str, Any]:
    row = {
        "Name": document.name,
        "DocumentVersion": str(document.version),
        "CreatedDate": document.created_ms / 1000,
        "IsDefaultVersion": document.version == document.default_version,
        "DocumentFormat": document.format,
        "Status": document.status or ACTIVE,
    }
    optional = {
        "VersionName": document.version_name,
        "DisplayName": document.display_name,
        "StatusInformation": document.status_information,
        "ReviewStatus": document.review_status,
    }
    return row | {member: value for member, value in optional.items() if value}
