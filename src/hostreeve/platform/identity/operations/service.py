"""What all operations of IAM and STS share: their tables, finding users and roles, pages, documents."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError, common
from hostreeve.api.operations import Operations
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.platform import groups
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import (
    KIND_MAX,
    USER_ID,
    Identity,
    Kind,
    ManagedPolicy,
    is_service_linked,
    size_of,
)
from hostreeve.platform.identity.policy import MalformedPolicy, compile_policy
from hostreeve.platform.identity.policy.document import Kind as DocumentKind
from hostreeve.platform.identity.policy.document import Statement
from hostreeve.platform.identity.store import identities
from hostreeve.platform.identity.store import policies as policy_rows

iam = Operations("iam")
sts = Operations("sts")
hostreeve = Operations("hostreeve")
error = iam.errors

PAGE_MAX, PAGE = 1000, 100
Row = TypeVar("Row")
Context = dict[str, list[str]]


class ValidationError(AwsError):
    """What the query services call a request that the model allows and the service does not."""

    code = "ValidationError"
    status = 400


def wanted(
    call: Call, kind: Kind, name: str | None, action: str, context: Mapping[str, list[str]] | None = None
) -> Identity:
    """The user or role that a request names, if the caller may do that with it. A user may leave out its own
    name. NoSuchEntity when there is none.
    """
    found = identities.find(call.tx, call.scope, kind, name) if name else _caller(call)
    arn = found.arn if found else call.scope.arn("iam", f"{kind}/{name}")
    call.require(action, [arn], {**(tag_context(found.tags) if found else {}), **(context or {})})
    if found is None:
        raise error.NoSuchEntity(f"The {kind} with name {name} cannot be found.")
    return found


def _caller(call: Call) -> Identity:
    if not call.principal.id.startswith(USER_ID):
        raise ValidationError("Must specify userName when calling with non-User credentials")
    user = identities.find_by_id(call.tx, call.scope, call.principal.id)
    if user is None:
        raise error.NoSuchEntity("The user of these credentials cannot be found.")
    return user


def keep_new(call: Call, identity: Identity) -> None:
    """Store a new user, group or role. LimitExceeded, or EntityAlreadyExists when the name is taken."""
    word, limit = identity.kind.capitalize(), KIND_MAX[identity.kind]
    if identities.count(call.tx, call.scope, identity.kind) >= limit:
        raise error.LimitExceeded(f"Cannot exceed quota for {word}sPerAccount: {limit}")
    if not identities.insert(call.tx, call.scope, identity):
        raise error.EntityAlreadyExists(f"{word} with name {identity.name} already exists.")


def refuse_with_policies(call: Call, identity: Identity) -> None:
    """DeleteConflict for a user, group or role that still has policy_rows."""
    if policy_rows.attached(call.tx, call.scope, identity.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must detach all policies first.")
    if policy_rows.inline(call.tx, call.scope, identity.identity_id):
        raise error.DeleteConflict("Cannot delete entity, must delete policies first.")


def refuse_protected(identity: Identity) -> None:
    """UnmodifiableEntity for a role that belongs to a service."""
    if is_service_linked(identity):
        raise error.UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{identity.name}' - this role is only "
            "modifiable by AWS"
        )


def denied(message: str) -> AwsError:
    """A denial that no policy decided."""
    refusal: AwsError = common.AccessDeniedException(message)
    return refusal


def tag_context(tags: Mapping[str, str]) -> Context:
    """The condition keys of a resource that has these tags."""
    named = {f"aws:ResourceTag/{key}": [value] for key, value in tags.items()}
    return named | {f"iam:ResourceTag/{key}": [value] for key, value in tags.items()}


def asked_tags(request: Mapping[str, Any]) -> tuple[dict[str, str], Context]:
    """The tags that a request brings, and the condition keys that they are."""
    given = request.get("Tags", [])
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len({key.lower() for key in tags}) < len(given):
        raise error.InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise error.InvalidInput("Tag keys that begin with aws: are reserved.")
    context = {f"aws:RequestTag/{key}": [value] for key, value in tags.items()}
    return tags, context | {"aws:TagKeys": list(tags)} if tags else {}


def refuse_unruly(call: Call, kind: str, tags: Mapping[str, str]) -> None:
    """InvalidInput for tags that a tag policy forbids on IAM's resources of that kind (`policy`)."""
    groups.refuse_unruly(call.tx, call.scope.account, f"iam:{kind}", tags, code="InvalidInput")


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def managed_policy(call: Call, arn: str, *, of: str | None = None) -> ManagedPolicy | None:
    """One of AWS's or of the account's own; `of` names an account other than the caller's."""
    scope = everywhere(of) if of else call.scope
    return managed.policies().get(arn) or policy_rows.find(call.tx, scope, arn)


def require_boundary(call: Call, arn: str | None) -> str:
    """The ARN of a policy that can be a permissions boundary; empty for none."""
    if arn and managed_policy(call, arn) is None:
        raise error.NoSuchEntity(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn or ""


def boundary_shown(identity: Identity) -> dict[str, Any]:
    if not identity.boundary_arn:
        return {}
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": identity.boundary_arn}
    return {"PermissionsBoundary": boundary}


def checked(text: str, name: str, kind: DocumentKind = "identity") -> tuple[Statement, ...]:
    """The statements of a document. MalformedPolicyDocument when it is none."""
    try:
        return compile_policy(text, name, kind)
    except MalformedPolicy as malformed:
        raise error.MalformedPolicyDocument(str(malformed)) from None


def refuse_beyond(limit: int, documents: Sequence[str], whose: str) -> None:
    """LimitExceeded when the documents together are longer than AWS allows."""
    if sum(map(size_of, documents)) > limit:
        raise error.LimitExceeded(f"Maximum policy size of {limit} bytes exceeded for {whose}")


@lru_cache(maxsize=1024)
def encoded(document: str) -> str:
    """Documents are answered percent-encoded, as IAM always did. Many roles have the same trust policy."""
    return quote(document, safe="")


def page_of(request: Mapping[str, Any]) -> paging.Page:
    return paging.read(
        request,
        maximum=PAGE_MAX,
        default=PAGE,
        limit_member="MaxItems",
        token_member="Marker",
        error=ValidationError,
    )


def paged(
    member: str, page: paging.Page, rows: list[Row], key: Callable[[Row], str], show: Callable[[Row], Any]
) -> dict[str, Any]:
    """An answer with one page of a list, from one row more than the page holds."""
    token = page.token(rows, key)
    answer: dict[str, Any] = {member: [show(row) for row in rows[: page.limit]], "IsTruncated": bool(token)}
    return answer | {"Marker": token} if token else answer


def paged_here(
    member: str,
    request: Mapping[str, Any],
    rows: Sequence[Row],
    key: Callable[[Row], str],
    show: Callable[[Row], Any],
) -> dict[str, Any]:
    """The same from a short list that was read whole; it is put into the order of the key."""
    page = page_of(request)
    behind = sorted((row for row in rows if key(row) > page.after), key=key)
    return paged(member, page, behind[: page.limit + 1], key, show)


def below(kind: str) -> Callable[[Scope, dict[str, Any]], list[str]]:
    """What listing a kind is allowed on: the path that is asked for, as AWS has it."""
    return lambda scope, request: [scope.arn("iam", f"{kind}{request.get('PathPrefix', '/')}")]


def everywhere(account: str) -> Scope:
    """The scope of another account's identities: named, because it crosses accounts."""
    return Scope(account, GLOBAL)
