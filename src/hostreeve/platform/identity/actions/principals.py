"""Users and roles in the policies of resources: kept by their unique ids, shown by their ARNs.

Who is deleted and made again under the same name is somebody else, and does not have what a policy gave the
first: as at AWS, the policy then shows the id of somebody who is no more.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.actions.held import named
from hostreeve.platform.identity.model import (
    ROLE_ID,
    USER_ID,
    Identity,
    account_of,
    identity_arn,
    session_arn,
)
from hostreeve.platform.identity.store import identities

_ACCOUNT = re.compile(r"\d{12}")
_KEPT = re.compile(f'"({USER_ID}|{ROLE_ID})[A-Z2-7]{{16}}[":]')
"""What a document has in it whose principals were kept by id."""


class UnknownPrincipal(ValueError):
    """A policy names somebody who is not there; the text is the name."""


def kept(tx: Transaction, document: str) -> str:
    """The document as it is stored: existing users and roles by id, accounts by the ARN of their root.

    The text stays as it is when it names none of them. UnknownPrincipal when one does not exist. The document
    is a policy that was read before.
    """
    return _with_principals(document, lambda name: id_of(tx, name))


def shown(tx: Transaction, document: str) -> str:
    """The document as its readers see it: ids by ARN, as far as those are still there."""
    if not _KEPT.search(document):
        return document
    return _with_principals(document, lambda name: arn_of(tx, name))


def id_of(tx: Transaction, name: str) -> str:
    """What is stored for a principal: its id, for a session `ID:session`. Names of no single user or role
    stay. UnknownPrincipal when there is no such user or role."""
    if _ACCOUNT.fullmatch(name):
        return Scope(name, GLOBAL).arn("iam", "root")
    if name.startswith((USER_ID, ROLE_ID)):
        if _by_id(tx, name.partition(":")[0]) is None:
            raise UnknownPrincipal(name)
        return name
    account, kind, path = _pieces(name)
    if kind in ("user", "role"):
        found, session = named(tx, name), ""
    elif kind == "assumed-role":
        role, _, session = path.partition("/")
        found = identities.find(tx, Scope(account, GLOBAL), "role", role) if session else None
    else:
        return name
    if found is None:
        raise UnknownPrincipal(name)
    return f"{found.identity_id}:{session}" if session else found.identity_id


def arn_of(tx: Transaction, name: str) -> str:
    """The ARN of a stored principal; what is stored when it is no more."""
    identity_id, _, session = name.partition(":")
    found = _by_id(tx, identity_id) if name.startswith((USER_ID, ROLE_ID)) else None
    if found is None:
        return name
    if session:
        return session_arn(found.account, found.name, session)
    return identity_arn(found.account, found.kind, found.path, found.name)


def _by_id(tx: Transaction, identity_id: str) -> Identity | None:
    """The user or role with this id, in the account that the id names."""
    account = account_of(identity_id)
    return identities.find_by_id(tx, Scope(account, GLOBAL), identity_id) if account else None


def _pieces(name: str) -> tuple[str, str, str]:
    """Account, kind and the rest of an ARN; empty texts for what is none."""
    pieces = name.split(":", 5)
    if len(pieces) < 6 or pieces[2] not in ("iam", "sts"):
        return "", "", ""
    kind, _, path = pieces[5].partition("/")
    return pieces[4], kind, path


def _with_principals(document: str, changed: Callable[[str], str]) -> str:
    found = json.loads(document)
    statements = found["Statement"]
    is_other = False
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in ("Principal", "NotPrincipal"):
            principals = statement.get(element)
            if isinstance(principals, dict) and "AWS" in principals:
                was = principals["AWS"]
                principals["AWS"] = _each(was, changed)
                is_other = is_other or principals["AWS"] != was
    return json.dumps(found, ensure_ascii=False) if is_other else document


def _each(names: Any, changed: Callable[[str], str]) -> Any:
    return [changed(name) for name in names] if isinstance(names, list) else changed(names)
