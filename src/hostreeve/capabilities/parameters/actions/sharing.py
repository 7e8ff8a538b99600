"""Sharing advanced parameters with other accounts: a parameter's policy, and what others share with one."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from hostreeve.api.call import Call, Principal
from hostreeve.capabilities.parameters.actions import secrets
from hostreeve.capabilities.parameters.actions.reaching import ask, error
from hostreeve.capabilities.parameters.model import names
from hostreeve.capabilities.parameters.model.parameter import ADVANCED, Parameter
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.capabilities.parameters.store import sharing as store_sharing
from hostreeve.capabilities.parameters.store.sharing import Sharing
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity

ACTIONS = frozenset(
    f"ssm:{name}" for name in ("GetParameter", "GetParameters", "DescribeParameters", "GetParameterHistory")
)
"""What AWS lets an account allow others; nothing that changes a parameter."""
POLICY_CHARS_MAX = 20_480


def find(call: Call, arn: str, action: str) -> Sharing | None:
    """The policy of the account's parameter with that ARN. ResourceNotFoundException."""
    parameter = _own(call, arn, action)
    return store_sharing.find(call.tx, parameter.scope, parameter.path)


def put(call: Call, arn: str, policy: str, *, policy_id: str | None, policy_hash: str | None) -> Sharing:
    """Share, or with the id and hash of the policy that there is, share differently."""
    parameter = _own(call, arn, "ssm:PutResourcePolicy")
    current = store_sharing.find(call.tx, parameter.scope, parameter.path)
    if current is None and policy_id:
        raise error.ResourcePolicyNotFoundException(f"The parameter has no policy {policy_id}.")
    if current is not None:
        if not policy_id and not policy_hash:
            raise error.ResourcePolicyLimitExceededException(
                "A parameter has at most one policy. To change it, give its PolicyId and PolicyHash.",
                Limit=1,
                LimitType="PoliciesPerResource",
            )
        _check_version(current, policy_id, policy_hash)
    _check_shareable(parameter)
    guests = _guests(policy, parameter)
    made = Sharing(
        policy_id=current.policy_id if current else call.world.uuid(),
        policy_hash=sha256(policy.encode()).hexdigest(),
        policy=_kept(call, policy),
    )
    store_sharing.put(call.tx, parameter.scope, parameter.path, made, guests=guests)
    return made


def delete(call: Call, arn: str, *, policy_id: str, policy_hash: str) -> None:
    parameter = _own(call, arn, "ssm:DeleteResourcePolicy")
    current = store_sharing.find(call.tx, parameter.scope, parameter.path)
    if current is None:
        raise error.ResourcePolicyNotFoundException(f"The parameter has no policy {policy_id}.")
    _check_version(current, policy_id, policy_hash)
    store_sharing.delete(call.tx, parameter.scope, parameter.path)


def shared(
    tx: Transaction, principal: Principal, guest: Scope, *, after: tuple[str, str], limit: int
) -> tuple[list[Parameter], tuple[str, str] | None]:
    """A page of others' parameters whose policies speak for this caller, and where the next one begins."""
    rows = store_sharing.shared_with(tx, guest, after=after, limit=limit + 1)
    found = [
        parameter
        for parameter, policy in rows[:limit]
        if identity.speaks_for(policy, principal, "ssm:DescribeParameters", parameter.arn, {})
    ]
    more = len(rows) > limit
    return found, (rows[limit - 1][0].account, rows[limit - 1][0].path) if more else None


def _own(call: Call, arn: str, action: str) -> Parameter:
    """The parameter, once it is known that the caller may do this. Nothing else has a policy here."""
    named = names.read(call.scope.account, call.scope.region, arn) if arn.startswith("arn:") else None
    if named is None or named.selector:
        call.require(action, [arn])
        raise error.ResourcePolicyInvalidParameterException(
            "Only the ARN of a parameter has a policy here; those of OpsItem groups need OpsCenter, which is "
            "not available yet.",
            ParameterNames=["ResourceArn"],
        )
    ask(call, action, named)
    mine = named.account == call.scope.account and named.region == call.scope.region
    found = store.find(call.tx, named.scope, named.path) if mine else None
    if found is None:
        raise error.ResourceNotFoundException(f"There is no parameter {arn} in this account and Region.")
    return found


def _check_version(current: Sharing, policy_id: str | None, policy_hash: str | None) -> None:
    if policy_id != current.policy_id:
        raise error.ResourcePolicyNotFoundException(f"The parameter has no policy {policy_id}.")
    if policy_hash != current.policy_hash:
        raise error.ResourcePolicyConflictException(
            "The hash is not that of the policy as it is now. Read it again and repeat the change."
        )


def _check_shareable(parameter: Parameter) -> None:
    if parameter.tier != ADVANCED:
        raise error.ResourcePolicyInvalidParameterException(
            "Only parameters of the advanced tier can be shared.", ParameterNames=["ResourceArn"]
        )
    if parameter.is_secure and parameter.key_id.endswith(secrets.DEFAULT_KEY):
        raise error.ResourcePolicyInvalidParameterException(
            "A SecureString can be shared when it is encrypted by a key of the customer's own.",
            ParameterNames=["ResourceArn"],
        )


def _guests(policy: str, parameter: Parameter) -> frozenset[str]:
    """The other accounts that a policy names. MalformedResourcePolicyDocumentException when it is none."""
    if len(policy) > POLICY_CHARS_MAX:
        raise _malformed(f"it has more than {POLICY_CHARS_MAX} characters")
    try:
        # Reading it as identity does finds what is malformed; the answer itself does not matter.
        nobody = Principal(parameter.account, "arn:aws:iam::000000000000:root", "", "")
        identity.speaks_for(policy, nobody, "ssm:GetParameter", parameter.arn, {})
    except identity.MalformedPolicy as wrong:
        raise _malformed(str(wrong)) from None
    statements = json.loads(policy)["Statement"]
    guests: set[str] = set()
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = _texts(statement.get("Action"))
        if not actions or not ACTIONS.issuperset(actions):
            raise _malformed(f"it may allow {', '.join(sorted(ACTIONS))} only")
        if any(resource != parameter.arn for resource in _texts(statement.get("Resource"))):
            raise _malformed("its Resource is not the parameter")
        guests |= set(_accounts(statement.get("Principal")))
    return frozenset(guests - {parameter.account})


def _kept(call: Call, policy: str) -> str:
    """The policy as it is stored: whom it names by what they are, not by what they are called."""
    try:
        return identity.keep_principals(call.tx, policy)
    except identity.UnknownPrincipal as unknown:
        raise _malformed(f"there is no {unknown}") from None


def _accounts(principal: Any) -> Iterator[str]:
    for name in _texts(principal.get("AWS")) if isinstance(principal, dict) else ():
        account = name.split(":")[4] if name.startswith("arn:") else name
        if account.isdigit() and len(account) == 12:
            yield account


def _texts(given: Any) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


def _malformed(why: str) -> Exception:
    return error.MalformedResourcePolicyDocumentException(f"The policy can't be used: {why}.")
