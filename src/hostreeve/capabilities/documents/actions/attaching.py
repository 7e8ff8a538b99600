"""Attachments: found where the caller says they are, kept by us, handed out by presigned URLs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hostreeve.api.call import Call, Sealer
from hostreeve.capabilities.documents.actions import finding
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.actions.presigning import presigned
from hostreeve.capabilities.documents.model import manifests
from hostreeve.capabilities.documents.model.attachments import FILE, below, place_of, referred
from hostreeve.capabilities.documents.model.document import Attachment, DocumentVersion, Draft
from hostreeve.capabilities.documents.model.limits import quota
from hostreeve.capabilities.documents.store import attachments as store
from hostreeve.capabilities.documents.store import documents
from hostreeve.capabilities.documents.store.attachments import Wanted
from hostreeve.kernel.scope import PARTITION, SERVICE_ACCOUNT, Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity, objects

URL_VALID_S = 3600
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Plan:
    """Files that have to be fetched, and files that another document's version has already."""

    wanted: tuple[Wanted, ...] = ()
    adopted: tuple[Attachment, ...] = ()


def planned(call: Call, request: Mapping[str, Any], draft: Draft, document_type: str) -> Plan:
    """What the Attachments of a request mean. The caller must be allowed to read what it names.

    InvalidDocumentContent says which source is wrong, and which file of a package's manifest has none.
    """
    claims = _claims(request, draft, document_type)
    wanted: dict[str, Wanted] = {}
    adopted: dict[str, Attachment] = {}
    for source in request.get("Attachments", []):
        for one in _of_source(call, source, claims, document_type):
            if one[0] in wanted or one[0] in adopted:
                raise error.InvalidDocumentContent(f"Attachments: the file {one[0]} is named twice.")
            if isinstance(one, Wanted):
                wanted[one.file] = one
            else:
                adopted[one[0]] = one[1]
    most = quota("document-attachments")
    if len(wanted) + len(adopted) > most:
        raise error.InvalidDocumentContent(f"Attachments: a version can have {most} files.")
    _check_claims(claims, wanted, adopted)
    return Plan(tuple(wanted.values()), tuple(adopted.values()))


def note(tx: Transaction, scope: Scope, name: str, version: int, plan: Plan) -> None:
    """Keep what has to be fetched, and name once more what is there."""
    store.insert(tx, scope, name, version, plan.wanted)
    store.adopt(tx, scope, name, version, plan.adopted)


def contents(call: Call, document: DocumentVersion) -> list[dict[str, Any]]:
    """AttachmentsContent: each file with its size, SHA-256 and a URL that is good for an hour."""
    if not document.attachments or document.status != "Active":
        return []
    key = identity.administrator_key(
        call.tx, call.keys, call.world, account=SERVICE_ACCOUNT, now_ms=call.now_ms
    )
    assert key is not None, "who keeps an attachment has furnished the account that owns it"
    shown = []
    for one in document.attachments:
        row = {"Name": one.name, "Size": one.size_bytes, "Hash": one.sha256, "HashType": "Sha256"}
        if _HOST.fullmatch(call.host):
            # The name by which the caller reached us is one by which it reaches us again.
            place = (call.host, f"/{one.bucket}/{one.key}", call.scope.region)
            row["Url"] = presigned(place, key, now_ms=call.now_ms, valid_s=URL_VALID_S)
        shown.append(row)
    return shown


def bucket_for(tx: Transaction, keys: Sealer, world: World, region: str) -> tuple[Scope, str]:
    """The bucket of the Region's attachments, made with its account when it is first needed."""
    now_ms = world.now_ms()
    scope = Scope(SERVICE_ACCOUNT, region)
    known = store.bucket_in(tx, region)
    if known is not None:
        return scope, known
    if identity.administrator_key(tx, keys, world, account=SERVICE_ACCOUNT, now_ms=now_ms) is None:
        identity.bootstrap(tx, keys, world, account=SERVICE_ACCOUNT, now_ms=now_ms)
    # The names of buckets belong to all accounts together: nobody can have taken this one before.
    bucket = f"hostreeve-documents-{region}-{world.hex(12)}"
    objects.create_bucket(tx, scope, bucket, now_ms)
    store.set_bucket(tx, region, bucket, now_ms)
    return scope, bucket


def files_of_all_versions(tx: Transaction, scope: Scope, name: str) -> list[Attachment]:
    newest = documents.versions(tx, scope, name, before=2**31 - 1, limit=2**31 - 1)
    return [one for version in newest for one in version.attachments]


def discard(call: Call, files: Iterable[Attachment]) -> None:
    """Delete the objects that no version names any more."""
    owner = Scope(SERVICE_ACCOUNT, call.scope.region)
    for one in {(file.bucket, file.key) for file in files if file.key}:
        if not store.is_used(call.tx, *one):
            objects.remove(call.tx, owner, *one, now_ms=call.now_ms)


def _claims(request: Mapping[str, Any], draft: Draft, document_type: str) -> dict[str, str]:
    """The SHA-256 that content claims for its files: those of a package all have one."""
    if document_type != "Package":
        return {}
    manifest = draft.value
    version_name = request.get("VersionName")
    if version_name is not None and version_name != manifest["version"]:
        raise error.InvalidDocumentContent(
            f"version: the manifest's version {manifest['version']} is not the VersionName {version_name}"
        )
    return manifests.files_of(manifest)


def _check_claims(
    claims: Mapping[str, str], wanted: Mapping[str, Wanted], adopted: Mapping[str, Attachment]
) -> None:
    missing = sorted(set(claims) - set(wanted) - set(adopted))
    if missing:
        raise error.InvalidDocumentContent(f"files.{missing[0]}: no attachment brings this file")
    wrong = [name for name, one in adopted.items() if name in claims and one.sha256 != claims[name]]
    if wrong:
        raise error.InvalidDocumentContent(f"files.{wrong[0]}: the attachment has another SHA-256")


def _of_source(
    call: Call, source: Mapping[str, Any], claims: Mapping[str, str], document_type: str
) -> Sequence[Wanted | tuple[str, Attachment]]:
    values = source.get("Values") or []
    if "Key" not in source or len(values) != 1:
        raise error.InvalidDocumentContent("Attachments: each needs a Key and one of Values.")
    if source["Key"] == "AttachmentReference":
        return [_referred(call, source, values[0])]
    place = place_of(values[0])
    if place is None:
        raise error.InvalidDocumentContent(f"Attachments: {values[0][:200]!r} is not the URL of an object.")
    if source["Key"] == "S3FileUrl":
        name = source.get("Name") or place.key.rpartition("/")[2]
        return [_wanted(call, name, place.bucket, place.key, claims)]
    if document_type == "Package":
        return [_wanted(call, name, place.bucket, below(place.key, name), claims) for name in claims]
    return [
        _wanted(call, key.rpartition("/")[2], place.bucket, key, claims)
        for key in _listed(call, place.bucket, place.key)
    ]


def _listed(call: Call, bucket: str, prefix: str) -> list[str]:
    call.require("s3:ListBucket", [f"arn:{PARTITION}:s3:::{bucket}"])
    prefix = below(prefix, "")
    most = quota("document-attachments")
    found = objects.keys_under(call.tx, call.scope, bucket, prefix, limit=most + 1)
    if not found:
        raise error.InvalidDocumentContent(f"Attachments: there is nothing at s3://{bucket}/{prefix}.")
    return found


def _wanted(call: Call, name: str, bucket: str, key: str, claims: Mapping[str, str]) -> Wanted:
    if not FILE.fullmatch(name):
        raise error.InvalidDocumentContent(f"Attachments: {name[:200]!r} is not a name for a file.")
    call.require("s3:GetObject", [f"arn:{PARTITION}:s3:::{bucket}/{key}"])
    return Wanted(name, bucket, key, claims.get(name, ""))


def _referred(call: Call, source: Mapping[str, Any], text: str) -> tuple[str, Attachment]:
    """A file of another document's version, which the caller must be allowed to get."""
    where = referred(text)
    if where is None:
        raise error.InvalidDocumentContent(
            f"Attachments: {text[:200]!r} is not of the form name/version/file."
        )
    call.require("ssm:GetDocument", [finding.arn(call.scope, where.document)])
    try:
        version = finding.resolve(call.tx, call.scope, where.document, where.version)
    except (error.InvalidDocument, error.InvalidDocumentVersion) as wrong:
        raise error.InvalidDocumentContent(f"Attachments: {wrong.message}") from None
    found = next((one for one in version.attachments if one.name == where.file), None)
    if found is None:
        raise error.InvalidDocumentContent(f"Attachments: {text[:200]} has no such file.")
    name = source.get("Name") or found.name
    return name, Attachment(name, found.size_bytes, found.sha256, found.bucket, found.key)
