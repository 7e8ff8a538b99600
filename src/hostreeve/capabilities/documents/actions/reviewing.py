"""Reviews of change templates: sent, commented, approved or rejected."""

import re
from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities.documents.actions import finding
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.model.document import REVIEWED, DocumentVersion
from hostreeve.capabilities.documents.store import reviews as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_BECOMES = {"SendForReview": "PENDING", "Approve": "APPROVED", "Reject": "REJECTED"}
_BEHIND_ALL = 2**31 - 1


def review(call: Call, name: str, version: str | None, *, action: str, comment: str) -> None:
    """One step of a review, of the latest version unless another is named."""
    document = reviewed(call.tx, call.scope, name, version)
    if document.document_type not in REVIEWED:
        raise error.InvalidDocumentOperation(
            f"Document {name} is of type {document.document_type}; only change templates are reviewed."
        )
    pending = document.review_status == "PENDING"
    if pending == (action == "SendForReview"):
        word = "is under review already" if pending else "is not under review"
        raise error.InvalidDocumentOperation(f"Version {document.version} of document {name} {word}.")
    latest = store.history(call.tx, call.scope, name, document.version, before=_BEHIND_ALL, limit=1)
    number = latest[0]["number"] if latest else 0
    row = {"comment": comment, "reviewer": reviewer(call.principal.arn), "now_ms": call.now_ms}
    if action == "UpdateReview":
        store.amend(call.tx, call.scope, name, document.version, {**row, "number": number})
        return
    status = _BECOMES[action]
    if status == "APPROVED":
        # One version is approved at a time: the one before it no longer is.
        for earlier in store.standing(call.tx, call.scope, name, "APPROVED"):
            store.set_status(call.tx, call.scope, name, earlier, "REJECTED")
    store.append(call.tx, call.scope, name, document.version, {**row, "number": number + 1, "status": status})
    store.set_status(call.tx, call.scope, name, document.version, status)


def reviewed(tx: Transaction, scope: Scope, name: str, version: str | None) -> DocumentVersion:
    """The version whose review is meant."""
    return finding.own(tx, scope, name, version or "$LATEST")


def described(tx: Transaction, scope: Scope, document: DocumentVersion) -> dict[str, Any]:
    """What DescribeDocument tells about the reviews of a change template."""
    if document.document_type not in REVIEWED or document.owner != scope.account:
        return {}
    rows = store.history(
        tx, scope, document.bare_name, document.version, before=_BEHIND_ALL, limit=_SHOWN_MOST
    )
    found: dict[str, Any] = {}
    if rows:
        found["ReviewInformation"] = [
            {
                "ReviewedTime": row["updated_ms"] / 1000,
                "Status": row["status"],
                "Reviewer": row["reviewer"],
            }
            for row in rows
        ]
    for member, status in (("ApprovedVersion", "APPROVED"), ("PendingReviewVersion", "PENDING")):
        versions = store.standing(tx, scope, document.bare_name, status)
        if versions:
            found[member] = str(versions[0])
    return found


_SHOWN_MOST = 50


def reviewer(arn: str) -> str:
    """The name that reviews show: the last part of an ARN, in the letters that AWS's model allows."""
    return re.sub(r"[^a-zA-Z0-9_\-.]", "-", re.split(r"[/:]", arn)[-1])[:50] or "-"
