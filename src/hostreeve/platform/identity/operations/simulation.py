"""IAM's policy simulator: what would be decided, by the evaluator that decides."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from hostreeve.api.call import Call, Principal
from hostreeve.api.operations import anything
from hostreeve.platform.identity.actions import above
from hostreeve.platform.identity.actions.authorising import request_context
from hostreeve.platform.identity.actions.held import Held, held, managed_policy, named
from hostreeve.platform.identity.actions.resources import Known
from hostreeve.platform.identity.actions.simulating import (
    Outcome,
    Setting,
    Source,
    owner_of,
    place_of,
    policy_set,
    simulated,
)
from hostreeve.platform.identity.model import Identity, session_arn
from hostreeve.platform.identity.operations.service import PAGE, PAGE_MAX, error, iam, tag_context
from hostreeve.platform.identity.policy import (
    MalformedPolicy,
    Policies,
    PolicySet,
    Who,
    compile_policy,
    context_keys,
)

ABOUT_CALLERS = ("aws:principal", "aws:userid", "aws:username", "aws:currenttime", "aws:epochtime")
SIMULATED = "simulated"
"""The name of the session in which a role is simulated."""


@iam.reads("SimulatePrincipalPolicy", asks=True)
def simulate_principal_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """With everything that holds for the user, group or role, its account's control policies included."""
    identity = _source(call, request["PolicySourceArn"], "iam:SimulatePrincipalPolicy")
    is_excluded = _exclusions(request)
    sources = [_held_source(each) for each in held(call.tx, call.scope, identity) if not is_excluded(each)]
    sources += _given(request, "PolicyInputList")
    boundary = _boundary(call, request, identity, _excludes(request, "permission-boundary"))
    is_limited = identity.kind != "group" and not _excludes(request, "scp")
    control = above.control_of(call.tx, identity.account, identity.arn) if is_limited else ()
    caller = _caller(call, request) or _principal(identity)
    return _simulated(call, request, sources, boundary, control, caller)


@iam.reads("SimulateCustomPolicy", on=anything)
def simulate_custom_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """With the policies that the request brings and no others."""
    sources = _given(request, "PolicyInputList")
    boundary = _given(request, "PermissionsBoundaryPolicyInputList")
    levels = request.get("OrderedOrganizationPolicyInputList") or []
    control = tuple(
        _compiled(_given(level, "ServiceControlPolicyInputList", f"Level{number}"))
        for number, level in enumerate(levels)
    )
    caller = _caller(call, request)
    if caller is None and request.get("ResourcePolicy"):
        raise error.InvalidInput(
            "CallerArn is required with ResourcePolicy: its Principal must have a value."
        )
    nobody = Principal(call.scope.account, "", "", "")
    return _simulated(
        call, request, sources, _compiled(boundary) if boundary else None, control, caller or nobody
    )


@iam.reads("GetContextKeysForCustomPolicy", on=anything)
def get_context_keys_for_custom_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"ContextKeyNames": _keys_of(_given(request, "PolicyInputList"))}


@iam.reads("GetContextKeysForPrincipalPolicy", asks=True)
def get_context_keys_for_principal_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    identity = _source(call, request["PolicySourceArn"], "iam:GetContextKeysForPrincipalPolicy")
    sources = [_held_source(each) for each in held(call.tx, call.scope, identity)]
    return {"ContextKeyNames": _keys_of([*sources, *_given(request, "PolicyInputList")])}


def _source(call: Call, arn: str, action: str) -> Identity:
    """The user, group or role of the caller's account that the request names."""
    found = named(call.tx, arn) if owner_of(arn) == call.scope.account else None
    call.require(action, [arn], tag_context(found.tags) if found else None)
    if found is None:
        raise error.NoSuchEntity(f"There is no user, group or role {arn} in this account.")
    return found


def _held_source(each: Held) -> Source:
    if each.name.startswith("arn:"):
        return Source(each.name.rpartition("/")[2], each.source, each.document, each.name)
    return Source(f"{each.holder.kind}_{each.holder.name}_{each.name}", each.source, each.document)


def _given(request: Mapping[str, Any], member: str, before: str = "") -> list[Source]:
    documents = request.get(member) or []
    return [
        Source(f"{before}{member}.{number}", "none", document)
        for number, document in enumerate(documents, start=1)
    ]


def _compiled(sources: Sequence[Source]) -> PolicySet:
    try:
        return policy_set(sources)
    except MalformedPolicy as malformed:
        raise error.InvalidInput(str(malformed)) from None


def _boundary(
    call: Call, request: Mapping[str, Any], identity: Identity, is_excluded: bool
) -> PolicySet | None:
    """The one that the request brings takes the place of the identity's own."""
    given = _given(request, "PermissionsBoundaryPolicyInputList")
    if not given and identity.boundary_arn and not is_excluded:
        policy = managed_policy(call.tx, call.scope, identity.boundary_arn)
        return _compiled([Source(policy.name, "none", policy.document)] if policy else [])
    return _compiled(given) if given else None


def _exclusions(request: Mapping[str, Any]) -> Callable[[Held], bool]:
    chosen = request.get("PolicyExclusionList") or []

    def is_excluded(each: Held) -> bool:
        return any(_is_chosen(one, each) for one in chosen)

    return is_excluded


def _is_chosen(one: Mapping[str, Any], each: Held) -> bool:
    is_inline = not each.name.startswith("arn:")
    if kind := one.get("PolicyType"):
        return bool(kind == ("inline" if is_inline else each.source))
    if arn := one.get("PolicyArn"):
        return not is_inline and fnmatchcase(each.name, _pattern(arn))
    inline = one.get("InlinePolicyIdentifier") or {}
    return (
        is_inline
        and inline.get("PolicyName") == each.name
        and str(inline.get("AttachmentType", "")).lower() == each.holder.kind
        and fnmatchcase(each.holder.name, _pattern(str(inline.get("AttachmentName", ""))))
    )


def _pattern(text: str) -> str:
    return text.replace("[", "[[]")


def _excludes(request: Mapping[str, Any], kind: str) -> bool:
    return any(one.get("PolicyType") == kind for one in request.get("PolicyExclusionList") or [])


def _caller(call: Call, request: Mapping[str, Any]) -> Principal | None:
    arn = request.get("CallerArn")
    if not arn:
        return None
    found = named(call.tx, arn) if owner_of(arn) == call.scope.account else None
    if found is not None:
        return _principal(found)
    kind = arn.split(":", 5)[-1].partition("/")[0]
    if not owner_of(arn) or kind not in ("user", "group", "role"):
        raise error.InvalidInput(f"CallerArn must be the ARN of a user, group or role: {arn}")
    # Callers that are not there can be simulated, as resources can.
    return Principal(owner_of(arn), arn, "", "", role_arn=arn if kind == "role" else "")


def _principal(identity: Identity) -> Principal:
    arn = identity.arn
    if identity.kind == "role":
        session = session_arn(identity.account, identity.name, SIMULATED)
        name = f"{identity.identity_id}:{SIMULATED}"
        return Principal(identity.account, session, name, "", tags=identity.tags, role_arn=arn)
    return Principal(identity.account, arn, identity.identity_id, "", tags=identity.tags)


def _simulated(
    call: Call,
    request: Mapping[str, Any],
    sources: Sequence[Source],
    boundary: PolicySet | None,
    control: tuple[PolicySet, ...],
    caller: Principal,
) -> dict[str, Any]:
    if request.get("ResourceHandlingOption"):
        raise error.InvalidInput("ResourceHandlingOption is not served: scenarios of EC2 are not simulated.")
    resource = _resource_policy(request)
    setting = Setting(
        Who(caller.account, caller.arn, caller.role_arn, "", caller.id),
        Policies(_compiled(sources), boundary, None, control),
        resource,
        _owner(request) or caller.account,
        {each.key: each for each in [*sources, *_resource_source(request)]},
    )
    asked = [
        (action, arn) for action in request["ActionNames"] for arn in request.get("ResourceArns") or ["*"]
    ]
    for action, _ in asked:
        if ":" not in action:
            raise error.InvalidInput(f"Invalid action name: {action}. It must be vendor:Operation.")
    context = _context(call, request, caller)
    return _paged(
        request,
        asked,
        lambda one: _shown(
            setting, *one, simulated(setting, *one, Known(context, lambda: _placed(call, caller, one[1])))
        ),
    )


def _placed(call: Call, caller: Principal, resource: str) -> dict[str, list[str]]:
    return above.keys_of(call.tx, caller.account, resource) if caller.id else {}


def _resource_source(request: Mapping[str, Any]) -> list[Source]:
    document = request.get("ResourcePolicy")
    return [Source("ResourcePolicy", "resource", document)] if document else []


def _resource_policy(request: Mapping[str, Any]) -> PolicySet | None:
    sources = _resource_source(request)
    try:
        return policy_set(sources, "resource") if sources else None
    except MalformedPolicy as malformed:
        raise error.InvalidInput(str(malformed)) from None


def _owner(request: Mapping[str, Any]) -> str:
    given = request.get("ResourceOwner", "")
    return owner_of(given) or given


def _context(call: Call, request: Mapping[str, Any], caller: Principal) -> dict[str, list[str]]:
    """What is known of the caller and of the hour, then what the request says."""
    known: dict[str, list[str]] = {}
    if caller.id:
        always = request_context(
            caller, now_ms=call.now_ms, source_ip="", region=call.scope.region, user_agent=""
        )
        known = {key: values for key, values in always.items() if key.startswith(ABOUT_CALLERS)}
    for entry in request.get("ContextEntries") or []:
        known[entry["ContextKeyName"].lower()] = list(entry.get("ContextKeyValues") or [])
    return known


def _paged(
    request: Mapping[str, Any], asked: Sequence[tuple[str, str]], show: Callable[[tuple[str, str]], Any]
) -> dict[str, Any]:
    """In the order of the request: the marker is a number."""
    limit = min(request.get("MaxItems") or PAGE, PAGE_MAX)
    marker = request.get("Marker") or "0"
    if not marker.isascii() or not marker.isdecimal() or len(marker) > 6:
        raise error.InvalidInput("Invalid Marker.")
    start = int(marker)
    is_cut = len(asked) > start + limit
    answer = {
        "EvaluationResults": [show(one) for one in asked[start : start + limit]],
        "IsTruncated": is_cut,
    }
    return answer | {"Marker": str(start + limit)} if is_cut else answer


def _shown(setting: Setting, action: str, resource: str, outcome: Outcome) -> dict[str, Any]:
    statements = [_statement(setting, heard) for heard in outcome.statements]
    missing = list(outcome.missing)
    shown: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": outcome.verdict,
        "MatchedStatements": statements,
        "MissingContextValues": missing,
    }
    if outcome.by_organization is not None:
        shown["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": outcome.by_organization}
    own: dict[str, Any] = {
        "EvalResourceName": resource,
        "EvalResourceDecision": outcome.verdict,
        "MatchedStatements": statements,
        "MissingContextValues": missing,
    }
    if outcome.by_boundary is not None:
        detail = {"AllowedByPermissionsBoundary": outcome.by_boundary}
        shown["PermissionsBoundaryDecisionDetail"] = own["PermissionsBoundaryDecisionDetail"] = detail
    if outcome.by_kind:
        shown["EvalDecisionDetails"] = own["EvalDecisionDetails"] = dict(outcome.by_kind)
    return shown if resource == "*" else shown | {"ResourceSpecificResults": [own]}


def _statement(setting: Setting, heard: Any) -> dict[str, Any]:
    source, span = place_of(setting, heard)
    assert source is not None and span is not None, "every policy of a simulation has a source"
    return {
        "SourcePolicyId": source.policy_id,
        "SourcePolicyType": source.kind,
        "StartPosition": {"Line": span.line, "Column": span.column},
        "EndPosition": {"Line": span.end_line, "Column": span.end_column},
    }


def _keys_of(sources: Sequence[Source]) -> list[str]:
    found: dict[str, str] = {}
    for source in sources:
        try:
            statements = compile_policy(source.document, source.policy_id)
        except MalformedPolicy as malformed:
            raise error.InvalidInput(str(malformed)) from None
        for statement in statements:
            for key in context_keys(statement.raw):
                found.setdefault(key.lower(), key)
    return list(found.values())
