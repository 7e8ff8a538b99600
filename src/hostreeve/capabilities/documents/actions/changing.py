"""Changing documents: made, given new versions and another default, deleted."""

from collections.abc import Callable, Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities.documents.actions import attaching, finding
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.model import content, schemas
from hostreeve.capabilities.documents.model.document import (
    ACTIVE,
    CREATING,
    RESERVED,
    REVIEWED,
    DocumentVersion,
    Draft,
    drafted,
)
from hostreeve.capabilities.documents.model.limits import quota
from hostreeve.capabilities.documents.store import documents as store
from hostreeve.capabilities.documents.store import sharing as shares
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

CHANNEL = "documents"
"""The bus channel on which a version with attachments to fetch is hinted at."""
Needed = Callable[[Transaction, Scope, str], bool]
_needed_by: list[Needed] = []
Heard = Callable[[Transaction, Scope, str, int], None]
_heard_by: dict[str, Heard] = {}
_latest_heard_by: dict[str, Heard] = {}


def guard(is_needed: Needed) -> None:
    """Let a capability above keep documents from being deleted: AssociatedInstances while `is_needed(tx,
    scope, name)`. The same function twice is one."""
    if is_needed not in _needed_by:
        _needed_by.append(is_needed)


def announce(document_type: str, heard: Heard, *, latest: Heard | None = None) -> None:
    """Let a capability above hear, within the same transaction, when what a document of this type says by
    default has changed: `heard(tx, scope, name, now_ms)`, also when it was made and when it is gone; and
    `latest` the same way when another version is its newest one."""
    assert _heard_by.setdefault(document_type, heard) == heard, f"two capabilities follow {document_type}"
    if latest:
        _latest_heard_by[document_type] = latest


def _tell(call: Call, document_type: str, name: str) -> None:
    if document_type in _heard_by:
        _heard_by[document_type](call.tx, call.scope, name, call.now_ms)


def tell_of_latest(tx: Transaction, scope: Scope, latest: DocumentVersion, now_ms: int) -> None:
    """That this version is the newest one now, and can be run."""
    if latest.status == ACTIVE and latest.document_type in _latest_heard_by:
        _latest_heard_by[latest.document_type](tx, scope, latest.bare_name, now_ms)


def create(call: Call, request: Mapping[str, Any]) -> DocumentVersion:
    """Store version 1 of a new document."""
    tx, scope, name = call.tx, call.scope, request["Name"]
    document_type = request.get("DocumentType", "Command")
    if RESERVED.match(name):
        # AWS answers a bare ValidationException here; the rule is in CreateDocument's own description.
        raise error.ValidationException(
            f"Document name {name} begins with a prefix that is reserved for AWS."
        )
    draft = _draft(document_type, request["Content"], request.get("DocumentFormat", "JSON"))
    if store.exists(tx, scope, name):
        raise error.DocumentAlreadyExists(f"Document with same name {name} already exists.")
    if store.count(tx, scope) >= quota("documents"):
        raise error.DocumentLimitExceeded(f"An account can have {quota('documents')} documents.")
    store.insert(
        tx,
        scope,
        name,
        document_type=document_type,
        target_type=request.get("TargetType"),
        now_ms=call.now_ms,
    )
    _insert_version(call, request, draft=draft, version=1, document_type=document_type)
    _tell(call, document_type, name)
    return finding.shown(tx, scope, name)


def update(call: Call, request: Mapping[str, Any]) -> DocumentVersion:
    """Append a version. The default version stays where it is."""
    tx, scope, name = call.tx, call.scope, request["Name"]
    latest = finding.own(tx, scope, name, "$LATEST")
    # The version being edited must be the newest one: that is AWS's guard against two editors at once.
    if request.get("DocumentVersion", "$LATEST") not in ("$LATEST", str(latest.version)):
        raise error.InvalidDocumentVersion("Only the latest version of a document can be updated.")
    if latest.schema_version == "1.2" and latest.document_type == "Command":
        raise error.InvalidDocumentSchemaVersion("Documents of schema version 1.2 cannot be updated.")
    if latest.status == CREATING:
        raise error.InvalidDocumentOperation("The latest version of the document is still being created.")
    draft = _draft(latest.document_type, request["Content"], request.get("DocumentFormat", "JSON"))
    _refuse_doubles(tx, scope, draft, request, latest)
    if store.count_versions(tx, scope, name) >= quota("document-versions"):
        raise error.DocumentVersionLimitExceeded(
            f"A document can have {quota('document-versions')} versions."
        )
    version = store.next_number(tx, scope, name)
    store.set_latest(tx, scope, name, version=version, target_type=request.get("TargetType"))
    inherited = {
        "DisplayName": latest.display_name,
        "Requires": list(latest.requires),
        **{member: value for member, value in request.items() if member == "DisplayName"},
    }
    _insert_version(
        call, {**request, **inherited}, draft=draft, version=version, document_type=latest.document_type
    )
    made = finding.shown(tx, scope, name, str(version))
    tell_of_latest(tx, scope, made, call.now_ms)
    return made


def set_default(call: Call, name: str, version: str) -> DocumentVersion:
    document = finding.own(call.tx, call.scope, name, version)
    if document.status != ACTIVE:
        raise error.InvalidDocumentVersion(f"Version {version} of document {name} is {document.status}.")
    store.set_default(call.tx, call.scope, name, document.version)
    _tell(call, document.document_type, name)
    return document


def delete(call: Call, request: Mapping[str, Any]) -> bool:
    """Delete one version, or the document. True when the document is gone."""
    tx, scope, name = call.tx, call.scope, request["Name"]
    document = finding.own(tx, scope, name)
    version = None
    if "DocumentVersion" in request or "VersionName" in request:
        try:
            version = finding.chosen(tx, scope, request)
        except error.InvalidDocumentVersion as wrong:
            # DeleteDocument declares no InvalidDocumentVersion.
            raise error.InvalidDocument(wrong.message) from None
    newest = store.versions(tx, scope, name, before=_BEHIND_ALL, limit=2)
    if version is None or len(newest) == 1:
        _refuse_deletion(tx, scope, document, forced=bool(request.get("Force")))
        files = attaching.files_of_all_versions(tx, scope, name)
        store.delete(tx, scope, name)
        attaching.discard(call, files)
        _tell(call, document.document_type, name)
        return True
    if version.version == version.default_version:
        raise error.InvalidDocumentOperation("The default version of a document cannot be deleted.")
    store.delete_version(tx, scope, name, version.version)
    if version.version == version.latest_version:
        store.set_latest(tx, scope, name, version=newest[1].version)
        tell_of_latest(tx, scope, newest[1], call.now_ms)
    attaching.discard(call, version.attachments)
    return False


_BEHIND_ALL = 2**31 - 1
_FORCED = ("ApplicationConfigurationSchema",)


def _refuse_deletion(tx: Transaction, scope: Scope, document: DocumentVersion, *, forced: bool) -> None:
    name = document.name
    if shares.shares(tx, scope, name, limit=1):
        raise error.InvalidDocumentOperation(
            f"Document {name} is shared. Stop sharing it before it is deleted."
        )
    if document.document_type in _FORCED and not forced:
        raise error.InvalidDocumentOperation(
            f"Document {name} is of type {document.document_type}: it is deleted with Force only."
        )
    if any(is_needed(tx, scope, name) for is_needed in _needed_by):
        raise error.AssociatedInstances(f"Document {name} is associated with nodes.")


def _draft(document_type: str, text: str, format_: str) -> Draft:
    most = quota("document-size-bytes")
    if len(text.encode(errors="surrogatepass")) > most:
        raise error.MaxDocumentSizeExceeded(f"The size of a document is limited to {most} bytes.")
    try:
        return drafted(document_type, text, format_)
    except schemas.SchemaRefused as wrong:
        raise error.InvalidDocumentSchemaVersion(f"{wrong}") from None
    except content.Refused as wrong:
        raise error.InvalidDocumentContent(f"{wrong}") from None


def _refuse_doubles(
    tx: Transaction, scope: Scope, draft: Draft, request: Mapping[str, Any], latest: DocumentVersion
) -> None:
    if latest.text == draft.text and latest.format == draft.format:
        raise error.DuplicateDocumentContent(
            "The content of the document is the same as in its latest version."
        )
    version_name = request.get("VersionName")
    if version_name and store.find_named_version(tx, scope, request["Name"], version_name):
        raise error.DuplicateDocumentVersionName(f"The document has a version named {version_name} already.")


def _insert_version(
    call: Call, request: Mapping[str, Any], *, draft: Draft, version: int, document_type: str
) -> None:
    name = request["Name"]
    plan = attaching.planned(call, request, draft, document_type)
    labels = {
        "version_name": request.get("VersionName"),
        "display_name": request.get("DisplayName"),
        "requires": request.get("Requires", []),
        "author": call.principal.arn,
        "created_ms": call.now_ms,
        "hash": content.sha256(draft.text),
        "status": CREATING if plan.wanted else ACTIVE,
        "review_status": "NOT_REVIEWED" if document_type in REVIEWED else None,
    }
    store.insert_version(call.tx, call.scope, name, version=version, draft=draft, labels=labels)
    attaching.note(call.tx, call.scope, name, version, plan)
    if plan.wanted:
        call.tx.wake(CHANNEL, name)
