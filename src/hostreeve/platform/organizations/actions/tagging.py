"""Tags of an organization's root, units, accounts and policies; they lie with the management account."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization


def asked(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a request brings. InvalidInputException for keys that come twice or are the system's."""
    given: Sequence[Mapping[str, str]] = request.get("Tags") or ()
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len({key.lower() for key in tags}) < len(given):
        raise refusals.invalid(
            "DUPLICATE_TAG_KEY", "Tag keys must be unique; they are compared without case."
        )
    refuse_reserved(list(tags))
    if len(tags) > groups.TAGS_MAX:
        _refuse_too_many()
    return tags


def refuse_reserved(keys: Sequence[str]) -> None:
    reserved = next((key for key in keys if key.lower().startswith(groups.RESERVED)), None)
    if reserved is not None:
        raise refusals.invalid(
            "INVALID_SYSTEM_TAGS_PARAMETER", f"Tag keys that begin with aws: are reserved: {reserved}"
        )


def add(tx: Transaction, organization: Organization, arn: str, tags: dict[str, str]) -> None:
    """Add tags, or give those that exist another value."""
    if len(groups.tags_of(tx, organization.scope, arn) | tags) > groups.TAGS_MAX:
        _refuse_too_many()
    groups.set_tags(tx, organization.scope, arn, tags)


def _refuse_too_many() -> None:
    raise refusals.constraint("MAX_TAG_LIMIT_EXCEEDED", f"A resource has at most {groups.TAGS_MAX} tags.")
