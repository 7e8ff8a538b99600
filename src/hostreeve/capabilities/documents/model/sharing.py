"""Sharing: with whom a document can be shared, and which of its versions the others see."""

from collections.abc import Collection

from msgspec.structs import replace

from hostreeve.capabilities.documents.model.document import DocumentVersion
from hostreeve.platform.settings import Setting

EVERYBODY = "all"
DEFAULT, LATEST, ALL = "$DEFAULT", "$LATEST", "$ALL"
PUBLIC_SHARING = Setting(
    "/ssm/documents/console/public-sharing-permission", ("Enable", "Disable"), default="Enable"
)
"""The account's setting that can forbid sharing with everybody."""


def guest_named(account: str) -> str:
    """An account id, or EVERYBODY for `All` however it is written."""
    return EVERYBODY if account.lower() == EVERYBODY else account


def asked_of(shared: Collection[str], version: str | None) -> str:
    """The version that a guest gets who asks for `version`, or for none in particular."""
    if version is None and ALL not in shared and DEFAULT not in shared:
        return LATEST
    return version or DEFAULT


def is_visible(document: DocumentVersion, shared: Collection[str]) -> bool:
    """Whether this version is among those that are shared."""
    return (
        ALL in shared
        or (DEFAULT in shared and document.version == document.default_version)
        or (LATEST in shared and document.version == document.latest_version)
    )


def as_guest(document: DocumentVersion) -> DocumentVersion:
    """The document as other accounts see it: they call it by its ARN."""
    return replace(document, name=document.arn)
