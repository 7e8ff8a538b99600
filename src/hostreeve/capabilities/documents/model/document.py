"""A document and its versions as values, their names and how they are described to AWS callers."""

import re
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.capabilities.documents.model import content as contents
from hostreeve.capabilities.documents.model import parameters, schemas
from hostreeve.kernel.scope import PARTITION

OWNER_AMAZON = "Amazon"
ACTIVE, CREATING, FAILED = "Active", "Creating", "Failed"
ON_NODES = frozenset({"Command", "Policy"})
"""Types whose plugins tell on which platforms the document does anything."""
RUN_WITH_PARAMETERS = frozenset({"Command", "Policy", "Automation", "Automation.ChangeTemplate", "Session"})
REVIEWED = frozenset({"Automation.ChangeTemplate"})
WITH_FUNCTIONS = frozenset({"CloudFormation", "ConformancePackTemplate"})
RESERVED = re.compile(r"(aws|amazon|amzn)", re.IGNORECASE)
"""Prefixes that customers may not use; AWSEC2, AWSConfigRemediation and AWSSupport begin like that too."""

_ARN = re.compile(r"arn:(?P<partition>[^:]*):ssm:(?P<region>[^:]*):(?P<account>[^:]*):document/(?P<name>.+)")


class Reference(Struct, frozen=True):
    """What a caller named: a bare name (region and account None), or an ARN taken apart."""

    name: str
    region: str | None = None
    account: str | None = None


def reference(name_or_arn: str) -> Reference | None:
    """None when it is neither a name nor the ARN of a document of this partition."""
    found = _ARN.fullmatch(name_or_arn)
    if found is None:
        return Reference(name_or_arn) if ":" not in name_or_arn and "/" not in name_or_arn else None
    if found["partition"] != PARTITION:
        return None
    return Reference(found["name"], found["region"], found["account"])


class Attachment(Struct, frozen=True):
    """A file that a version carries. `bucket` and `key` are where we keep it; "" until we do."""

    name: str
    size_bytes: int
    sha256: str
    bucket: str
    key: str


class DocumentVersion(Struct, frozen=True, kw_only=True):
    """One version of a document, with what its document says about all versions.

    `text` is the stored text in `format` (JSON, YAML or TEXT); `hash` is Sha256 over it; `body` is the same
    as compact JSON. `owner` is an account or "Amazon". `arn` is the one policies name.
    """

    name: str
    arn: str
    owner: str
    version: int
    default_version: int
    latest_version: int
    document_type: str
    schema_version: str
    format: str
    text: str
    body: str
    hash: str
    created_ms: int
    platform_types: tuple[str, ...]
    version_name: str | None = None
    display_name: str | None = None
    target_type: str | None = None
    author: str | None = None
    requires: tuple[dict[str, str], ...] = ()
    status: str = ACTIVE
    status_information: str = ""
    review_status: str | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def content(self) -> dict[str, Any]:
        """The content as JSON's types: what a node is handed. A fresh value at each call; {} for TEXT."""
        value: Any = msgspec.json.decode(self.body)
        return value if isinstance(value, dict) else {}

    @property
    def parameters(self) -> dict[str, Any]:
        """The declared parameters: name to `{"type", "default", …}`."""
        declared: Any = self.content.get("parameters", {})
        return declared if isinstance(declared, dict) and self.document_type in RUN_WITH_PARAMETERS else {}

    def has_hash(self, claimed: str, type_: str) -> bool:
        """Whether a caller's DocumentHash is that of the stored text. Sha1 is AWS's legacy form."""
        own = self.hash if type_ == "Sha256" else contents.sha1(self.text)
        return claimed.lower() == own

    @property
    def bare_name(self) -> str:
        """The name that its owner calls it by; others see its ARN in `name`."""
        return self.arn.rpartition("/")[2]


class Draft(Struct, frozen=True, kw_only=True):
    """Content that was read and found good: what CreateDocument and UpdateDocument store."""

    text: str
    body: str
    format: str
    schema_version: str
    platform_types: list[str]
    value: Any


def drafted(document_type: str, text: str, format_: str) -> Draft:
    """Read and check content. `contents.Refused` names the place and the reason."""
    value = contents.parsed(text, format_, functions=document_type in WITH_FUNCTIONS)
    version = schemas.check(document_type, format_, value)
    return Draft(
        text=text,
        value=value,
        body=msgspec.json.encode(value).decode(),
        format=format_,
        schema_version=version,
        platform_types=schemas.platforms(value) if document_type in ON_NODES else [],
    )


def identified(document: DocumentVersion) -> dict[str, Any]:
    """The members that DocumentIdentifier and DocumentDescription share."""
    row: dict[str, Any] = {
        "Name": document.name,
        "CreatedDate": document.created_ms / 1000,
        "Owner": document.owner,
        "PlatformTypes": list(document.platform_types),
        "DocumentVersion": str(document.version),
        "DocumentType": document.document_type,
        "DocumentFormat": document.format,
    }
    optional = {
        "SchemaVersion": document.schema_version,
        "ReviewStatus": document.review_status,
        "VersionName": document.version_name,
        "DisplayName": document.display_name,
        "TargetType": document.target_type,
        "Author": document.author,
        "Requires": list(document.requires),
    }
    return row | {member: value for member, value in optional.items() if value}


def described(document: DocumentVersion) -> dict[str, Any]:
    """The members of DocumentDescription, tags aside."""
    content = document.content
    row = identified(document) | {
        "Hash": document.hash,
        "HashType": "Sha256",
        "Sha1": contents.sha1(document.text),
        "Status": document.status,
        "Parameters": parameters.described(document.parameters),
        "LatestVersion": str(document.latest_version),
        "DefaultVersion": str(document.default_version),
    }
    description = content.get("description") or content.get("Description")
    if isinstance(description, str) and description:
        row["Description"] = description
    if document.status_information:
        row["StatusInformation"] = document.status_information
    if document.attachments:
        row["AttachmentsInformation"] = [{"Name": one.name} for one in document.attachments]
    return row
