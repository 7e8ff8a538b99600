"""Documents, as AWS callers see them."""

from collections.abc import Iterator
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations, anything
from hostreeve.capabilities.documents import actions, store
from hostreeve.capabilities.documents.model import content, owned
from hostreeve.capabilities.documents.model.document import (
    OWNER_AMAZON,
    DocumentVersion,
    described,
    identified,
)
from hostreeve.kernel.scope import Scope
from hostreeve.platform import groups

ssm = Operations("ssm")
error = ssm.errors

_OWNERS = ("Self", "Amazon", "Public", "Private", "ThirdParty")


def document_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [actions.arn(scope, request["Name"])]


@ssm.writes("CreateDocument", on=document_arns)
def create_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = actions.create(call.tx, call.scope, request, author=call.principal.arn, now_ms=call.now_ms)
    if request.get("Tags"):
        tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        call.require("ssm:AddTagsToResource", [document.arn])
        groups.set_tags(call.tx, call.scope, document.arn, tags)
    # The document can be used at once; AWS's answer says Creating whatever the case.
    return {"DocumentDescription": _described(call, document) | {"Status": "Creating"}}


@ssm.writes("UpdateDocument", on=document_arns)
def update_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = actions.update(call.tx, call.scope, request, author=call.principal.arn, now_ms=call.now_ms)
    return {"DocumentDescription": _described(call, document) | {"Status": "Updating"}}


@ssm.writes("UpdateDocumentDefaultVersion", on=document_arns)
def update_document_default_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = actions.set_default(call.tx, call.scope, request["Name"], request["DocumentVersion"])
    description = {"Name": document.name, "DefaultVersion": str(document.version)}
    if document.version_name:
        description["DefaultVersionName"] = document.version_name
    return {"Description": description}


@ssm.writes("DeleteDocument", on=document_arns)
def delete_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version = None
    if "DocumentVersion" in request or "VersionName" in request:
        version = _chosen(call, request)
    document = actions.resolve(call.tx, call.scope, request["Name"])
    if actions.delete(call.tx, call.scope, request["Name"], version):
        groups.forget(call.tx, call.scope, document.arn)
    return {}


@ssm.reads("GetDocument", on=document_arns)
def get_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    document = _chosen(call, request)
    wanted = request.get("DocumentFormat", "JSON")
    shown = identified(document)
    members = (
        "Name",
        "CreatedDate",
        "DisplayName",
        "VersionName",
        "DocumentVersion",
        "DocumentType",
        "Requires",
    )
    return {member: shown[member] for member in members if member in shown} | {
        "Status": "Active",
        "DocumentFormat": wanted,
        "Content": content.converted(document.text, stored=document.format, wanted=wanted),
    }


@ssm.reads("DescribeDocument", on=document_arns)
def describe_document(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"Document": _described(call, _chosen(call, request))}


@ssm.reads("ListDocumentVersions", on=document_arns)
def list_document_versions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, error=error.InvalidNextToken)
    newest = actions.resolve(call.tx, call.scope, request["Name"], "$LATEST")
    (before,) = page.parts(int)
    if newest.owner == OWNER_AMAZON:
        found = [newest]
    else:
        before = before or newest.version + 1
        found = store.versions(call.tx, call.scope, newest.name, before=before, limit=page.limit + 1)
    token = page.token(found, lambda one: one.version)
    return {"DocumentVersions": [_version(one) for one in found[: page.limit]]} | _next(token)


@ssm.reads("ListDocuments", on=anything)
def list_documents(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, error=error.InvalidNextToken)
    wanted = _filters(request)
    found: list[DocumentVersion] = []
    for document in _visible(call, page.after):
        if all(_matches(call, document, key, values) for key, values in wanted.items()):
            found.append(document)
            if len(found) > page.limit:
                break
    token = page.token(found, lambda one: one.name)
    tags = groups.tags_of_many(call.tx, call.scope, [one.arn for one in found[: page.limit]])
    listed = [identified(one) | {"Tags": _tags(tags.get(one.arn, {}))} for one in found[: page.limit]]
    return {"DocumentIdentifiers": listed} | _next(token)


def _chosen(call: Call, request: dict[str, Any]) -> DocumentVersion:
    """The version that DocumentVersion or VersionName selects; both must agree when both are given."""
    if "VersionName" not in request:
        return actions.resolve(call.tx, call.scope, request["Name"], request.get("DocumentVersion"))
    named = actions.resolve_named(call.tx, call.scope, request["Name"], request["VersionName"])
    if "DocumentVersion" in request:
        numbered = actions.resolve(call.tx, call.scope, request["Name"], request["DocumentVersion"])
        if numbered.version != named.version:
            raise error.InvalidDocumentVersion("DocumentVersion and VersionName select different versions.")
    return named


def _described(call: Call, document: DocumentVersion) -> dict[str, Any]:
    return described(document) | {"Tags": _tags(groups.tags_of(call.tx, call.scope, document.arn))}


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _version(document: DocumentVersion) -> dict[str, Any]:
    row = {
        "Name": document.name,
        "DocumentVersion": str(document.version),
        "CreatedDate": document.created_ms / 1000,
        "IsDefaultVersion": document.version == document.default_version,
        "DocumentFormat": document.format,
        "Status": "Active",
    }
    optional = {"VersionName": document.version_name, "DisplayName": document.display_name}
    return row | {member: value for member, value in optional.items() if value}


def _filters(request: dict[str, Any]) -> dict[str, list[str]]:
    """Both forms of filters as one: key to values. All keys must match, by any of their values."""
    wanted = {one["key"]: [one["value"]] for one in request.get("DocumentFilterList", [])}
    for one in request.get("Filters", []):
        key, values = one.get("Key", ""), one.get("Values") or []
        if key in wanted:
            raise error.InvalidFilterKey(f"The filter {key} is given twice.")
        wanted[key] = values
    tags = [key for key in wanted if key.startswith("tag:")]
    unknown = set(wanted) - {"Owner", "Name", "PlatformTypes", "DocumentType", "TargetType", "SearchKeyword"}
    if unknown - set(tags) or len(tags) > 1:
        raise error.InvalidFilterKey(f"The filter {min(unknown)} is not valid here.")
    empty = [key for key, values in wanted.items() if not values and key not in tags]
    if empty:
        raise error.ValidationException(f"The filter {empty[0]} needs values.")
    if any(owner not in _OWNERS for owner in wanted.get("Owner", [])) or len(wanted.get("Owner", [])) > 1:
        raise error.ValidationException(f"The filter Owner takes one of {', '.join(_OWNERS)}.")
    return wanted


def _visible(call: Call, after: str) -> Iterator[DocumentVersion]:
    """Every document that the account sees, by name."""
    amazon = [name for name in owned.names() if name > after]
    for document in store.walk(call.tx, call.scope, after=after):
        while amazon and amazon[0] < document.name:
            yield _amazon(call, amazon.pop(0))
        yield document
    for name in amazon:
        yield _amazon(call, name)


def _amazon(call: Call, name: str) -> DocumentVersion:
    document = owned.find(name, call.scope.region)
    assert document is not None, f"{name} is listed among the owned documents but has no version"
    return document


def _matches(call: Call, document: DocumentVersion, key: str, values: list[str]) -> bool:
    if key.startswith("tag:"):
        tags = groups.tags_of(call.tx, call.scope, document.arn)
        value = tags.get(key.removeprefix("tag:"))
        return value is not None and (not values or value in values)
    if key == "Owner":
        # Nothing is shared between accounts unless its owner says so: Private is what is one's own.
        wanted = OWNER_AMAZON if values[0] in ("Amazon", "Public") else call.scope.account
        return values[0] != "ThirdParty" and document.owner == wanted
    if key == "Name":
        return any(document.name.startswith(value) for value in values)
    if key == "PlatformTypes":
        return any(value in document.platform_types for value in values)
    if key == "DocumentType":
        return document.document_type in values
    if key == "TargetType":
        return document.target_type in values
    return any(value.lower() in document.name.lower() for value in values)


def _next(token: str | None) -> dict[str, str]:
    return {"NextToken": token} if token else {}
