"""With whom a document is shared, as its owner sees and changes it."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities.documents.actions import finding, sharing
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.operations.service import document_arns, next_page, ssm
from hostreeve.capabilities.documents.store import sharing as store

_PAGE_MAX = 200


@ssm.writes("ModifyDocumentPermission", on=document_arns)
def modify_document_permission(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    sharing.modify(
        call,
        request["Name"],
        add=request.get("AccountIdsToAdd", []),
        remove=request.get("AccountIdsToRemove", []),
        version=request.get("SharedDocumentVersion"),
    )
    return {}


@ssm.reads("DescribeDocumentPermission", on=document_arns)
def describe_document_permission(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = finding.own(call.tx, call.scope, request["Name"])
    page = paging.read(request, maximum=_PAGE_MAX, error=error.InvalidNextToken)
    found = store.shares(call.tx, call.scope, document.name, after=page.after, limit=page.limit + 1)
    listed = found[: page.limit]
    return {
        "AccountIds": [guest for guest, _ in listed],
        "AccountSharingInfoList": [
            {"AccountId": guest, "SharedDocumentVersion": version} for guest, version in listed
        ],
    } | next_page(page.token(found, lambda one: one[0]))
