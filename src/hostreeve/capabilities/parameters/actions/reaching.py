"""Who may reach a parameter: by the caller's policies, and another account's by what it says itself."""

from collections.abc import Mapping
from functools import partial

from hostreeve.api.call import Call, ResourcePolicy
from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.parameters.model import names
from hostreeve.capabilities.parameters.model.names import Named
from hostreeve.capabilities.parameters.store import sharing
from hostreeve.platform import groups, organizations

error = ServiceErrors(service("ssm"))


def reach(call: Call, action: str, text: str, context: Mapping[str, list[str]] | None = None) -> Named | None:
    """What the caller means by `text`, once it is known that the caller may do this with it.

    None when no parameter of this Region can be called so. AccessDeniedException.
    """
    scope = call.scope
    named = names.read(scope.account, scope.region, text)
    if named is None:
        call.require(action, [names.arn_of(scope, text)], context)
        return None
    ask(call, action, named, context)
    return named if named.region == scope.region else None


def ask(call: Call, action: str, named: Named, context: Mapping[str, list[str]] | None = None) -> None:
    """AccessDeniedException unless the caller may do this with the parameter, which need not exist."""
    document = ""
    if named.account not in ("", call.scope.account):
        shared = sharing.find(call.tx, named.scope, named.path)
        document = shared.policy if shared else ""
    # What is public has no owner who could say no: the caller's own policies decide.
    owner = named.account or call.scope.account
    policy = ResourcePolicy(owner, document, context=partial(_tags, call, named))
    call.require(action, [named.arn], context, policy=policy)


def own(call: Call, action: str, text: str, context: Mapping[str, list[str]] | None = None) -> Named | None:
    """As `reach`, for what only the owner does. None for other accounts' parameters too.

    What is public is the management account's to change: AccessDeniedException for all others.
    """
    named = reach(call, action, text, context)
    if named is None:
        return None
    if named.is_public and call.scope.account != organizations.management_account(call.tx):
        raise reserved(named.name)
    return named if named.account in ("", call.scope.account) else None


def reserved(name: str) -> AwsError:
    return error.AccessDeniedException(f"No access to reserved parameter name: {name}.")


def not_found(text: str) -> AwsError:
    return error.ParameterNotFound(f"Parameter {text} not found.")


def _tags(call: Call, named: Named) -> dict[str, list[str]]:
    """The condition keys of the parameter's tags, in both spellings that AWS has."""
    tags = groups.tags_of(call.tx, named.scope, named.arn)
    spelled = ("aws:ResourceTag/", "ssm:resourceTag/")
    return {f"{kind}{key}": [value] for key, value in tags.items() for kind in spelled}
