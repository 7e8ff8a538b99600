"""What documents do: resolve for running, create, update, delete."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.documents import store
from hostreeve.capabilities.documents.model import content, owned, parameters, schemas
from hostreeve.capabilities.documents.model.document import (
    RESERVED,
    DocumentVersion,
    Draft,
    Reference,
    drafted,
    reference,
)
from hostreeve.capabilities.documents.model.limits import DOCUMENTS_MAX, SIZE_BYTES_MAX, VERSIONS_MAX
from hostreeve.kernel.scope import PARTITION, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))


def resolve(tx: Transaction, scope: Scope, name: str, version: str | None = None) -> DocumentVersion:
    """The version to run or show. `name` may be an ARN; `version`: `$DEFAULT` (or None), `$LATEST`, a number.

    InvalidDocument when there is no such document, InvalidDocumentVersion when it has no such version.
    """
    named = _reachable(scope, name)
    found = _find(tx, scope, named, version or "$DEFAULT")
    if found is None:
        if named.name in owned.names() or store.exists(tx, scope, named.name):
            raise error.InvalidDocumentVersion(f"Document {named.name} has no version {version}.")
        raise error.InvalidDocument(f"Document with name {named.name} does not exist.")
    return found


def resolve_named(tx: Transaction, scope: Scope, name: str, version_name: str) -> DocumentVersion:
    """The version that carries this VersionName. Errors as `resolve`."""
    named = _reachable(scope, name)
    found = store.find_named_version(tx, scope, named.name, version_name)
    if found is None:
        if named.name in owned.names() or store.exists(tx, scope, named.name):
            raise error.InvalidDocumentVersion(f"Document {named.name} has no version named {version_name}.")
        raise error.InvalidDocument(f"Document with name {named.name} does not exist.")
    return found


def arn(scope: Scope, name_or_arn: str) -> str:
    """The ARN that policies name, whether or not the document exists."""
    if ":" in name_or_arn:
        return name_or_arn
    if name_or_arn in owned.names():
        return f"arn:{PARTITION}:ssm:{scope.region}::document/{name_or_arn}"
    return scope.arn("ssm", f"document/{name_or_arn}")


def exists(tx: Transaction, scope: Scope, name: str) -> bool:
    """Whether the account has a document of its own by that name: one that it may tag."""
    return store.exists(tx, scope, name)


def check_parameters(document: DocumentVersion, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The value of every parameter: `given` (lists of texts, as on the wire), checked, over the defaults.

    A String is a text, a StringList a list of texts, all others are their JSON value.
    InvalidParameters names the parameter.
    """
    try:
        return parameters.resolved(document.parameters, given)
    except ValueError as wrong:
        raise error.InvalidParameters(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.") from None


def create(
    tx: Transaction, scope: Scope, request: Mapping[str, Any], *, author: str, now_ms: int
) -> DocumentVersion:
    """Store version 1 of a new document."""
    name, document_type = request["Name"], request.get("DocumentType", "Command")
    if RESERVED.match(name):
        # AWS answers a bare ValidationException here; the rule is in CreateDocument's own description.
        raise error.ValidationException(
            f"Document name {name} begins with a prefix that is reserved for AWS."
        )
    _refuse_unserved(request, document_type)
    draft = _draft(document_type, request["Content"], request.get("DocumentFormat", "JSON"))
    if store.exists(tx, scope, name):
        raise error.DocumentAlreadyExists(f"Document with same name {name} already exists.")
    if store.count(tx, scope) >= DOCUMENTS_MAX:
        raise error.DocumentLimitExceeded(f"An account can have {DOCUMENTS_MAX} documents.")
    store.insert(
        tx, scope, name, document_type=document_type, target_type=request.get("TargetType"), now_ms=now_ms
    )
    _insert_version(tx, scope, version=1, draft=draft, labels=_labels(request, author, now_ms), name=name)
    return resolve(tx, scope, name)


def update(
    tx: Transaction, scope: Scope, request: Mapping[str, Any], *, author: str, now_ms: int
) -> DocumentVersion:
    """Append a version. The default version stays where it is."""
    name = request["Name"]
    latest = _own(tx, scope, name, "$LATEST")
    # The version being edited must be the newest one: that is AWS's guard against two editors at once.
    if request.get("DocumentVersion", "$LATEST") not in ("$LATEST", str(latest.version)):
        raise error.InvalidDocumentVersion("Only the latest version of a document can be updated.")
    if latest.schema_version == "1.2":
        raise error.InvalidDocumentSchemaVersion("Documents of schema version 1.2 cannot be updated.")
    if "Attachments" in request:
        raise error.InvalidDocumentOperation("Attachments of documents are not available yet.")
    draft = _draft(latest.document_type, request["Content"], request.get("DocumentFormat", "JSON"))
    _refuse_doubles(tx, scope, name, draft=draft, version_name=request.get("VersionName"), latest=latest)
    version = store.next_number(tx, scope, name)
    if version > VERSIONS_MAX:
        raise error.DocumentVersionLimitExceeded(f"A document can have {VERSIONS_MAX} versions.")
    labels = _labels(request, author, now_ms)
    labels["display_name"] = labels["display_name"] or latest.display_name
    store.set_latest(tx, scope, name, version=version, target_type=request.get("TargetType"))
    _insert_version(tx, scope, name=name, version=version, draft=draft, labels=labels)
    return resolve(tx, scope, name, str(version))


def set_default(tx: Transaction, scope: Scope, name: str, version: str) -> DocumentVersion:
    document = _own(tx, scope, name, version)
    store.set_default(tx, scope, name, document.version)
    return document


def delete(tx: Transaction, scope: Scope, name: str, version: DocumentVersion | None) -> bool:
    """Delete one version, or the document. True when the document is gone."""
    _own(tx, scope, name, "$DEFAULT")
    newest = store.versions(tx, scope, name, before=VERSIONS_MAX + 1, limit=2)
    if version is None or len(newest) == 1:
        store.delete(tx, scope, name)
        return True
    if version.version == version.default_version:
        raise error.InvalidDocumentOperation("The default version of a document cannot be deleted.")
    store.delete_version(tx, scope, name, version.version)
    if version.version == version.latest_version:
        store.set_latest(tx, scope, name, version=newest[1].version)
    return False


def _reachable(scope: Scope, name_or_arn: str) -> Reference:
    """The reference, when it can name something in this account and Region. InvalidDocument otherwise."""
    named = reference(name_or_arn)
    if named is None or named.region not in (None, scope.region):
        raise error.InvalidDocument(f"Document with name {name_or_arn} does not exist.")
    mine = named.account in (None, scope.account) or (named.account == "" and named.name in owned.names())
    if not mine:
        # Sharing between accounts is granted per document; nothing is shared unless it says so.
        raise error.InvalidDocument(f"Document with name {name_or_arn} does not exist.")
    return named


def _find(tx: Transaction, scope: Scope, named: Reference, version: str) -> DocumentVersion | None:
    if named.name in owned.names():
        if named.account:
            return None
        number = int(version) if version.isdigit() and len(version) < 10 else None
        if number is None and not version.startswith("$"):
            return None
        return owned.find(named.name, scope.region, number)
    return store.find(tx, scope, named.name, version) if len(version) < 10 else None


def _own(tx: Transaction, scope: Scope, name: str, version: str) -> DocumentVersion:
    """A document that this account may change."""
    if name in owned.names():
        raise error.InvalidDocument(f"Document {name} is owned by Amazon and cannot be changed.")
    return resolve(tx, scope, name, version)


def _draft(document_type: str, text: str, format_: str) -> Draft:
    if len(text.encode(errors="surrogatepass")) > SIZE_BYTES_MAX:
        raise error.MaxDocumentSizeExceeded(f"The size of a document is limited to {SIZE_BYTES_MAX} bytes.")
    if format_ == "TEXT":
        raise error.InvalidDocumentContent(f"{document_type} documents are written in JSON or YAML.")
    try:
        return drafted(document_type, text, format_)
    except schemas.SchemaRefused as wrong:
        raise error.InvalidDocumentSchemaVersion(f"{wrong}") from None
    except content.Refused as wrong:
        raise error.InvalidDocumentContent(f"{wrong}") from None


def _refuse_unserved(request: Mapping[str, Any], document_type: str) -> None:
    if document_type not in schemas.SCHEMAS:
        raise error.InvalidDocumentContent(f"Documents of type {document_type} are not available yet.")
    if request.get("Attachments"):
        raise error.InvalidDocumentContent("Attachments of documents are not available yet.")


def _refuse_doubles(
    tx: Transaction,
    scope: Scope,
    name: str,
    *,
    draft: Draft,
    version_name: str | None,
    latest: DocumentVersion,
) -> None:
    if latest.text == draft.text and latest.format == draft.format:
        raise error.DuplicateDocumentContent(
            "The content of the document is the same as in its latest version."
        )
    if version_name and store.find_named_version(tx, scope, name, version_name):
        raise error.DuplicateDocumentVersionName(f"The document has a version named {version_name} already.")


def _labels(request: Mapping[str, Any], author: str, now_ms: int) -> dict[str, Any]:
    return {
        "version_name": request.get("VersionName"),
        "display_name": request.get("DisplayName"),
        "requires": request.get("Requires", []),
        "author": author,
        "created_ms": now_ms,
    }


def _insert_version(
    tx: Transaction, scope: Scope, *, name: str, version: int, draft: Draft, labels: dict[str, Any]
) -> None:
    labels = {**labels, "hash": content.sha256(draft.text)}
    store.insert_version(tx, scope, name, version=version, draft=draft, labels=labels)


TAGGABLE = groups.Taggable("Document", arn, exists)
