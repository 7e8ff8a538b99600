"""Sharing documents with accounts and with everybody."""

from collections.abc import Sequence

from hostreeve.api.call import Call
from hostreeve.capabilities.documents.actions import finding
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.model.limits import quota
from hostreeve.capabilities.documents.model.sharing import DEFAULT, EVERYBODY, PUBLIC_SHARING, guest_named
from hostreeve.capabilities.documents.store import sharing as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import settings

UNSHARED_TYPES = frozenset({"ManualApprovalPolicy", "AutoApprovalPolicy"})


def modify(call: Call, name: str, *, add: Sequence[str], remove: Sequence[str], version: str | None) -> None:
    """Share with some and stop sharing with others; who is in both is removed."""
    tx, scope = call.tx, call.scope
    document = finding.own(tx, scope, name)
    gone = {guest_named(account) for account in remove}
    guests = sorted({guest_named(account) for account in add} - gone - {scope.account})
    if guests and document.document_type in UNSHARED_TYPES:
        raise error.InvalidDocument(f"Documents of type {document.document_type} cannot be shared.")
    store.unshare(tx, scope, name, sorted(gone))
    known = dict(store.shares(tx, scope, name))
    if version is not None and not guests and not gone:
        # With nobody named, the version changes for all who have it already.
        store.share(tx, scope, name, sorted(known), version)
        return
    if EVERYBODY in guests and EVERYBODY not in known:
        _check_public(tx, scope)
    most = quota("document-shares")
    if len(set(known) | set(guests)) > most:
        raise error.DocumentPermissionLimit(f"A document can be shared with {most} accounts.")
    for guest in guests:
        store.share(tx, scope, name, [guest], version or known.get(guest, DEFAULT))


def is_public_sharing_blocked(tx: Transaction, scope: Scope) -> bool:
    """Whether the account forbids itself to share with everybody."""
    return settings.value_of(tx, scope, PUBLIC_SHARING) == "Disable"


def _check_public(tx: Transaction, scope: Scope) -> None:
    if is_public_sharing_blocked(tx, scope):
        raise error.InvalidPermissionType(
            "The account blocks public sharing of documents by its service setting "
            f"{PUBLIC_SHARING.setting_id}: set it to Enable first."
        )
    if store.count_public(tx, scope) >= quota("public-documents"):
        raise error.DocumentPermissionLimit(
            f"An account can share {quota('public-documents')} documents with everybody."
        )
