"""Reviews of change templates, as authors and reviewers see them."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities.documents.actions import reviewing
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.operations.service import document_arns, next_page, ssm
from hostreeve.capabilities.documents.store import reviews as store

_BEHIND_ALL = 2**31 - 1


@ssm.writes("UpdateDocumentMetadata", on=document_arns)
def update_document_metadata(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    asked = request["DocumentReviews"]
    comment = "".join(one.get("Content", "") for one in asked.get("Comment", []))
    reviewing.review(
        call, request["Name"], request.get("DocumentVersion"), action=asked["Action"], comment=comment
    )
    return {}


@ssm.reads("ListDocumentMetadataHistory", on=document_arns)
def list_document_metadata_history(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = reviewing.reviewed(call.tx, call.scope, request["Name"], request.get("DocumentVersion"))
    page = paging.read(request, error=error.InvalidNextToken)
    (before,) = page.parts(int)
    rows = store.history(
        call.tx,
        call.scope,
        document.name,
        document.version,
        before=before or _BEHIND_ALL,
        limit=page.limit + 1,
    )
    answer = {
        "Name": document.name,
        "DocumentVersion": str(document.version),
        "Author": document.author or "",
        "Metadata": {"ReviewerResponse": [_response(row) for row in rows[: page.limit]]},
    }
    return answer | next_page(page.token(rows, lambda row: int(row["number"])))


def _response(row: dict[str, Any]) -> dict[str, Any]:
    comments = [{"Type": "Comment", "Content": row["comment"]}] if row["comment"] else []
    return {
        "CreateTime": row["created_ms"] / 1000,
        "UpdatedTime": row["updated_ms"] / 1000,
        "ReviewStatus": row["status"],
        "Comment": comments,
        "Reviewer": row["reviewer"],
    }
