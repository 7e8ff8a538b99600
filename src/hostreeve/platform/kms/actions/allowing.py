"""May the caller do this with this key? Its policy, the caller's own policies and grants decide together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from hostreeve.api.call import Call, ResourcePolicy
from hostreeve.api.errors import AwsError
from hostreeve.kernel.scope import Scope
from hostreeve.platform import groups
from hostreeve.platform.kms.model import policies
from hostreeve.platform.kms.model.grants import Grant, names_of
from hostreeve.platform.kms.model.key import ALIASES_MAX, AWS, Key
from hostreeve.platform.kms.model.refusals import DENIED
from hostreeve.platform.kms.store import aliases as alias_rows
from hostreeve.platform.kms.store import grants as grant_rows

Facts = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Use:
    """What is asked of a key: `action` is `kms:Decrypt`. `context` is the encryption context (None: there can
    be none), `alias` the name it was asked for by, `via` the service that asks for its caller (`ssm`),
    `facts` further condition keys.
    """

    action: str
    context: Mapping[str, str] | None = None
    alias: str = ""
    via: str = ""
    facts: Facts = field(default_factory=dict)


def allow(call: Call, key: Key, use: Use) -> Grant | None:
    """The grant that allows it, or None when policies do. AccessDeniedException when the caller may not."""
    try:
        require(call, key, use)
        return None
    except AwsError as refused:
        grant = _granting(call, key, use) if refused.code == DENIED else None
        if grant is None:
            raise
    require(call, key, use, granted_to=grant.grantee)
    return grant


def require(call: Call, key: Key, use: Use, *, granted_to: str = "") -> None:
    """The same by policies alone, or by a grant to `granted_to`, which is a name of the caller."""
    policy = ResourcePolicy(
        owner=key.account,
        document=_document(call, key, use),
        must_speak=True,
        granted_to=granted_to,
        context=partial(_stored_facts, call, key),
    )
    call.require(use.action, [key.arn], _facts(call, key, use), policy=policy)


def _document(call: Call, key: Key, use: Use) -> str:
    if key.manager != AWS:
        return key.policy
    return policies.as_asked(key.policy, caller=call.principal.account, through=_service(call, use))


def _service(call: Call, use: Use) -> str:
    """The value of kms:ViaService; nothing when the caller comes by itself."""
    return f"{use.via}.{call.scope.region}.amazonaws.com" if use.via else ""


def allow_absent(call: Call, owner: Scope, action: str, arn: str) -> None:
    """Returns when the caller may know that there is no such key: its own account's policies say so.

    Another account's absent key is refused in the same words as one that is there and not for the caller.
    """
    document = policies.default(owner.account) if owner.account == call.scope.account else ""
    call.require(action, [arn], policy=ResourcePolicy(owner.account, document, must_speak=True))


def _granting(call: Call, key: Key, use: Use) -> Grant | None:
    operation = use.action.removeprefix("kms:")
    candidates = grant_rows.to(call.tx, key, names_of(call.principal))
    return next((grant for grant in candidates if grant.permits(operation, use.context)), None)


def _facts(call: Call, key: Key, use: Use) -> dict[str, list[str]]:
    """The condition keys of one use."""
    facts = {
        "kms:CallerAccount": [call.principal.account],
        "kms:KeySpec": [key.spec],
        "kms:CustomerMasterKeySpec": [key.spec],
        "kms:KeyUsage": [key.usage],
        "kms:CustomerMasterKeyUsage": [key.usage],
        "kms:KeyOrigin": ["AWS_KMS"],
        "kms:MultiRegion": ["false"],
        "aws:ResourceAccount": [key.account],
    }
    if use.context:
        facts |= {f"kms:EncryptionContext:{name}": [value] for name, value in use.context.items()}
        facts["kms:EncryptionContextKeys"] = list(use.context)
    if use.alias:
        facts["kms:RequestAlias"] = [use.alias]
    if use.via:
        facts["kms:ViaService"] = [_service(call, use)]
        facts["aws:ViaAWSService"] = ["true"]
    return facts | use.facts if use.facts else facts


def _stored_facts(call: Call, key: Key) -> dict[str, list[str]]:
    """The key's tags and aliases."""
    tags = groups.tags_of(call.tx, key.scope, key.arn)
    aliases = alias_rows.listed(call.tx, key.scope, key_id=key.key_id, limit=ALIASES_MAX)
    facts = {f"aws:ResourceTag/{name}": [value] for name, value in tags.items()}
    return facts | {"kms:ResourceAliases": [alias.name for alias in aliases]}
