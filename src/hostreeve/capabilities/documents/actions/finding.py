"""Finding documents: by name or ARN, one's own, AWS's, and what others share."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.documents.model import owned, parameters, sharing
from hostreeve.capabilities.documents.model.document import ACTIVE, DocumentVersion, Reference, reference
from hostreeve.capabilities.documents.store import documents as store
from hostreeve.capabilities.documents.store import sharing as shares
from hostreeve.kernel.scope import PARTITION, Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))


def resolve(tx: Transaction, scope: Scope, name: str, version: str | None = None) -> DocumentVersion:
    """The version to run. `name` may be an ARN, also of another account that shares the document with this
    one; `version`: `$DEFAULT` (or None), `$LATEST`, a number.

    InvalidDocument when there is no such document here or it cannot be used, InvalidDocumentVersion when it
    has no such version.
    """
    found = shown(tx, scope, name, version)
    if found.status != ACTIVE:
        why = f": {found.status_information}" if found.status_information else ""
        raise error.InvalidDocument(f"Version {found.version} of document {name} is {found.status}{why}.")
    return found


def shown(tx: Transaction, scope: Scope, name: str, version: str | None = None) -> DocumentVersion:
    """As `resolve`, for showing: a version that is not ready is found too."""
    named = _reachable(scope, name)
    owner, shared = _owner(tx, scope, named)
    wanted = sharing.asked_of(shared, version) if shared is not None else version or sharing.DEFAULT
    return _seen(_find(tx, owner, named.name, wanted), shared, name, f"version {version}")


def shown_named(tx: Transaction, scope: Scope, name: str, version_name: str) -> DocumentVersion:
    """The version that carries this VersionName. Errors as `resolve`."""
    named = _reachable(scope, name)
    owner, shared = _owner(tx, scope, named)
    found = None
    if named.name not in owned.names():
        found = store.find_named_version(tx, owner, named.name, version_name)
        if found is None and not store.exists(tx, owner, named.name):
            raise _none(name)
    return _seen(found, shared, name, f"version named {version_name}")


def chosen(tx: Transaction, scope: Scope, request: Mapping[str, Any]) -> DocumentVersion:
    """What Name, DocumentVersion and VersionName select; the last two must agree when both are given."""
    if "VersionName" not in request:
        return shown(tx, scope, request["Name"], request.get("DocumentVersion"))
    named = shown_named(tx, scope, request["Name"], request["VersionName"])
    if "DocumentVersion" in request:
        numbered = shown(tx, scope, request["Name"], request["DocumentVersion"])
        if numbered.version != named.version:
            raise error.InvalidDocumentVersion("DocumentVersion and VersionName select different versions.")
    return named


def visible_versions(
    tx: Transaction, scope: Scope, name: str, *, before: int, limit: int
) -> list[DocumentVersion]:
    """The versions that the caller may see below `before` (0: from the newest on), the newest first."""
    first = shown(tx, scope, name)
    if first.bare_name in owned.names():
        numbers = range(first.latest_version, 0, -1)
        found = [_find(tx, scope, first.bare_name, str(number)) for number in numbers]
        return [one for one in found if one is not None and (not before or one.version < before)][:limit]
    named = _reachable(scope, name)
    owner, shared = _owner(tx, scope, named)
    most = before or first.latest_version + 1
    if shared is None or sharing.ALL in shared:
        listed = store.versions(tx, owner, named.name, before=most, limit=limit)
    else:
        both = [_find(tx, owner, named.name, which) for which in (sharing.LATEST, sharing.DEFAULT)]
        seen = {one.version: one for one in both if one is not None and sharing.is_visible(one, shared)}
        listed = [seen[number] for number in sorted(seen, reverse=True) if number < most]
    return listed if shared is None else [sharing.as_guest(one) for one in listed]


def own(tx: Transaction, scope: Scope, name: str, version: str | None = None) -> DocumentVersion:
    """A document that this account may change. InvalidDocument for AWS's."""
    if name in owned.names():
        raise error.InvalidDocument(f"Document {name} is owned by Amazon and cannot be changed.")
    return shown(tx, scope, name, version)


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


def check_parameters(
    document: DocumentVersion, given: Mapping[str, Sequence[str]], *, later: str = ""
) -> dict[str, Any]:
    """The value of every parameter: `given` (lists of texts, as on the wire), checked, over the defaults.

    `later` is a parameter that need not be there yet.
    A String is a text, a StringList a list of texts, all others are their JSON value.
    InvalidParameters names the parameter.
    """
    try:
        declared = document.parameters
        if later not in given:
            declared.pop(later, None)
        return parameters.resolved(declared, given)
    except ValueError as wrong:
        raise unfit(wrong) from None


def unfit(wrong: ValueError) -> Exception:
    """InvalidParameters with the reason as a sentence."""
    return error.InvalidParameters(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.")


def _reachable(scope: Scope, name_or_arn: str) -> Reference:
    """The reference, when it can name something in this Region. InvalidDocument otherwise."""
    named = reference(name_or_arn)
    if named is None or named.region not in (None, scope.region):
        raise _none(name_or_arn)
    return named


def _owner(tx: Transaction, scope: Scope, named: Reference) -> tuple[Scope, list[str] | None]:
    """Whose document it is; and if it is another account's, which versions that one shares with this."""
    if named.account in (None, scope.account):
        if named.account and named.name in owned.names():
            raise _none(named.name)
        return scope, None
    if named.account == "":
        if named.name not in owned.names():
            raise _none(named.name)
        return scope, None
    owner = Scope(named.account, scope.region)
    shared = shares.shared_versions(tx, owner, named.name, scope.account)
    if not shared:
        # Whether it exists is nobody else's business.
        raise _none(named.name)
    return owner, shared


def _find(tx: Transaction, owner: Scope, name: str, version: str) -> DocumentVersion | None:
    if not version.startswith("$") and len(version) > 9:
        found = None
    elif name in owned.names():
        found = owned.find(name, owner.region, int(version) if version.isdigit() else None)
    else:
        found = store.find(tx, owner, name, version)
    if found is None and name not in owned.names() and not store.exists(tx, owner, name):
        raise _none(name)
    return found


def _seen(found: DocumentVersion | None, shared: list[str] | None, name: str, which: str) -> DocumentVersion:
    if found is None or (shared is not None and not sharing.is_visible(found, shared)):
        raise error.InvalidDocumentVersion(f"Document {name} has no {which}.")
    return found if shared is None else sharing.as_guest(found)


def _none(name: str) -> Exception:
    return error.InvalidDocument(f"Document with name {name} does not exist.")
