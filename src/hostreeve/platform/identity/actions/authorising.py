"""May this caller do this? Its policies, compiled and kept, asked about an action and a resource."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

from hostreeve.api.call import Principal, ResourcePolicy, SessionFacts
from hostreeve.api.errors import AwsError, common
from hostreeve.kernel.scope import GLOBAL, Scope, asked_region
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.actions import above
from hostreeve.platform.identity.actions import resources as resource_policies
from hostreeve.platform.identity.actions.held import held, managed_policy
from hostreeve.platform.identity.model import ROLE_ID, USER_ID
from hostreeve.platform.identity.policy import (
    Decision,
    Layer,
    Policies,
    PolicySet,
    Request,
    Statement,
    Who,
    compile_policy,
    evaluate,
    layers,
    refusal_text,
    told,
)
from hostreeve.platform.identity.store import identities
from hostreeve.platform.identity.store.changes import stamp_of
from hostreeve.platform.identity.store.memory import Memory


class Denied(AwsError):
    """AccessDeniedException by policies, with what they decided on and how."""

    code = "AccessDeniedException"
    status = 400

    def __init__(self, request: Request, decision: Decision, heard: Sequence[Layer]) -> None:
        super().__init__(refusal_text(request, decision))
        self.resource, self.decision = request.resource, decision
        self.why = told(request, decision, heard)


class _Compiled(NamedTuple):
    stamp: str
    policies: Policies


_compiled: Memory[tuple[str, str, tuple[str, ...]], _Compiled] = Memory(4096)

NOTHING = Policies()
ROOT = "root"
"""Stands for an account's root where others have the id of a user or role."""

EVERYTHING = PolicySet(
    compile_policy(
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', "account root"
    )
)
PASS_ROLE = "iam:PassRole"


def authorise(
    tx: Transaction,
    principal: Principal,
    action: str,
    resources: Sequence[str],
    context: Callable[[], Mapping[str, Sequence[str]]],
    *,
    policy: ResourcePolicy | None = None,
    tags_of: Callable[[str], Mapping[str, str]] | None = None,
) -> None:
    """Returns when the principal may perform `action` (`ssm:SendCommand`) on every resource.

    Otherwise AccessDeniedException says who may not do what, with what, and why. `context` answers condition
    keys, in any case, each with its values; it is asked only if a policy has conditions. `policy` is what the
    resources themselves say. `tags_of` answers a resource's tags; it is asked only if a policy names a
    condition key that is not known without them.
    """
    policies = policies_of(tx, principal)
    who = who_is(principal)
    _refuse_limited(principal, action)
    resource_set = resource_policies.compiled(policy.document) if policy else None
    known: Mapping[str, Sequence[str]] = {}
    is_conditional = policies.is_conditional or (resource_set is not None and resource_set.is_conditional)
    for resource in resources:
        if is_conditional:
            further = partial(_further, tx, principal, resource, policy, tags_of)
            known = resource_policies.Known(context(), further)
        request = Request(who, action, resource, known)
        if policy is None or resource_set is None:
            decision = evaluate(request, policies)
        else:
            decision = resource_policies.decided(request, policies, resource_set, policy)
        if not decision.allowed:
            raise Denied(request, decision, _heard(request, policies, resource_set, policy))


def _heard(
    request: Request, policies: Policies, resource_set: PolicySet | None, policy: ResourcePolicy | None
) -> list[Layer]:
    """What was heard. What another account's resource says is not for the caller's account to read."""
    if policy is not None and policy.owner not in ("", request.who.account):
        resource_set = None
    return layers(request, policies, resource_set)


def _further(
    tx: Transaction,
    principal: Principal,
    resource: str,
    policy: ResourcePolicy | None,
    tags_of: Callable[[str], Mapping[str, str]] | None,
) -> dict[str, list[str]]:
    """The condition keys that cost a look into the store."""
    found = above.keys_of(tx, principal.account, resource)
    if policy is not None and policy.context is not None:
        found.update(policy.context())
    elif tags_of is not None:
        found.update(tag_context(tags_of, resource))
    return found


def _refuse_limited(principal: Principal, action: str) -> None:
    """AWS lets the sessions of GetSessionToken call IAM only with MFA, and those of GetFederationToken not at
    all. To pass a role is no call of IAM."""
    facts = principal.session
    if facts is None or facts.kind not in ("token", "federation") or not action.startswith("iam:"):
        return
    if action != PASS_ROLE and (facts.kind == "federation" or not facts.mfa_ms):
        raise common.InvalidClientTokenId("The security token included in the request is invalid")


def tag_context(tags_of: Callable[[str], Mapping[str, str]], resource: str) -> dict[str, list[str]]:
    """The condition keys that a resource's tags are, in both spellings that AWS has."""
    service = resource.split(":", 3)[2] if resource.startswith("arn:") else ""
    spelled = ("aws:ResourceTag/", f"{service}:resourceTag/")
    return {f"{kind}{key}": [value] for key, value in tags_of(resource).items() for kind in spelled}


def who_is(principal: Principal) -> Who:
    return Who(principal.account, principal.arn, principal.role_arn, "", principal.id)


def policies_of(tx: Transaction, principal: Principal) -> Policies:
    """The caller's policies, compiled. They are read anew when the account's stamp has changed."""
    stamp = stamp_of(tx, principal.account)
    owner = principal.owner_id or principal.id.partition(":")[0]
    if principal.arn.endswith(":root"):
        owner = ROOT
    is_federated = principal.session is not None and principal.session.kind == "federation"
    # A federated user has its user's rights as far as its session's policies go: without any, none.
    limits = ("",) if is_federated and not principal.session_policies else principal.session_policies
    key = (principal.account, owner, limits)
    compiled = _compiled.get(key)
    if compiled is None or compiled.stamp != stamp:
        compiled = _Compiled(stamp, _read(tx, Scope(principal.account, GLOBAL), owner, limits))
        _compiled.keep(key, compiled)
    return compiled.policies


def _read(tx: Transaction, scope: Scope, owner: str, limits: Sequence[str]) -> Policies:
    if owner == ROOT:
        return Policies(identity=EVERYTHING, control=above.control_of(tx, scope.account))
    identity = identities.find_by_id(tx, scope, owner) if owner.startswith((USER_ID, ROLE_ID)) else None
    if identity is None:
        return NOTHING
    statements: list[Statement] = []
    for policy in held(tx, scope, identity):
        statements.extend(compile_policy(policy.document, policy.name))
    boundary = identity.boundary_arn
    return Policies(
        identity=PolicySet(statements),
        boundary=PolicySet(_managed(tx, scope, boundary)) if boundary else None,
        session=_session(tx, scope, limits),
        control=above.control_of(tx, scope.account, identity.arn if identity.kind == "role" else ""),
    )


def _session(tx: Transaction, scope: Scope, policies: Sequence[str]) -> PolicySet | None:
    if not policies:
        return None
    return PolicySet(
        statement
        for policy in policies
        if policy
        for statement in (
            _managed(tx, scope, policy)
            if policy.startswith("arn:")
            else compile_policy(policy, "session policy")
        )
    )


def _managed(tx: Transaction, scope: Scope, arn: str) -> tuple[Statement, ...]:
    policy = managed_policy(tx, scope, arn)
    return compile_policy(policy.document, arn) if policy else ()


def request_context(
    principal: Principal, *, now_ms: int, source_ip: str, region: str, user_agent: str
) -> dict[str, list[str]]:
    """The condition keys that every request has, in lower case, for `authorise`."""
    known = dict(_of_time(now_ms // 1000))
    known["aws:principalarn"] = [principal.role_arn or principal.arn]
    known["aws:principalaccount"] = [principal.account]
    known["aws:userid"] = [principal.id]
    known["aws:requestedregion"] = [asked_region(region)]
    if source_ip:
        known["aws:sourceip"] = [source_ip]
    if user_agent:
        known["aws:useragent"] = [user_agent]
    if principal.role_arn:
        known["aws:principaltype"] = ["AssumedRole"]
    elif principal.id.startswith(USER_ID):
        known["aws:principaltype"] = ["User"]
        known["aws:username"] = [principal.arn.rpartition("/")[2]]
    elif principal.session is not None:
        known["aws:principaltype"] = ["FederatedUser"]
    if principal.session is not None:
        known |= _of_session(principal.session, now_ms)
    for key, value in principal.tags.items():
        known[f"aws:principaltag/{key.lower()}"] = [value]
    if principal.node_id and region != GLOBAL:
        node = [Scope(principal.account, region).machine_arn(principal.node_id)]
        known["ssm:sourceinstancearn"] = known["ec2:sourceinstancearn"] = node
    return known


def _of_session(facts: SessionFacts, now_ms: int) -> dict[str, list[str]]:
    """The condition keys that only temporary credentials bring."""
    known = {
        "aws:tokenissuetime": [_moment(facts.issued_ms // 1000)],
        "aws:multifactorauthpresent": ["true" if facts.mfa_ms else "false"],
    }
    if facts.mfa_ms:
        known["aws:multifactorauthage"] = [str((now_ms - facts.mfa_ms) // 1000)]
    if facts.source_identity:
        known["aws:sourceidentity"] = [facts.source_identity]
    return known | {key.lower(): [value] for key, value in facts.claims.items()}


def asked_tags(request: Mapping[str, Any]) -> dict[str, list[str]]:
    """The condition keys of the tags that a request sets (`Tags`) or removes (`TagKeys`)."""
    tags = {tag["Key"]: tag.get("Value", "") for tag in _tags(request)}
    keys = list(tags) or request.get("TagKeys")
    if not keys:
        return {}
    return {"aws:tagkeys": list(keys)} | {
        f"aws:requesttag/{key.lower()}": [value] for key, value in tags.items()
    }


def _tags(request: Mapping[str, Any]) -> list[Mapping[str, str]]:
    given = request.get("Tags")
    if isinstance(given, Mapping):
        return [{"Key": key, "Value": value} for key, value in given.items()]
    if not isinstance(given, list):
        return []
    return [tag for tag in given if isinstance(tag, Mapping) and "Key" in tag]


@lru_cache(maxsize=8)
def _of_time(now_s: int) -> tuple[tuple[str, list[str]], ...]:
    """What all requests of one second have in common."""
    return (
        ("aws:currenttime", [_moment(now_s)]),
        ("aws:epochtime", [str(now_s)]),
        ("aws:securetransport", ["true"]),
        ("aws:viaawsservice", ["false"]),
    )


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
