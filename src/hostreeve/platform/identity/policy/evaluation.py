"""The decision: an explicit denial beats any permission, and without a permission nothing is allowed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from hostreeve.platform.identity.policy.conditions import Condition
from hostreeve.platform.identity.policy.document import Statement
from hostreeve.platform.identity.policy.globs import Context, Predicate
from hostreeve.platform.identity.policy.principals import Named, Who

REMEMBERED_ACTIONS = 1024

IDENTITY, RESOURCE, BOUNDARY, SESSION, CONTROL, TRUST = (
    "identity-based policy",
    "resource-based policy",
    "permissions boundary",
    "session policy",
    "service control policy",
    "role trust policy",
)


class Request(NamedTuple):
    """Who wants to do what with what. `action` is `ssm:SendCommand`; `context` has lower-case keys."""

    who: Who
    action: str
    resource: str
    context: Context


class Decision(NamedTuple):
    """`reason` completes "is not authorized to perform: … on resource: …"; `statement` is what decided, if
    one did."""

    allowed: bool
    reason: str = ""
    statement: str = ""


class Found(NamedTuple):
    """What a set of policies says: the denying statement, else the allowing one, and whom it names."""

    denies: Statement | None
    allows: Statement | None
    named: Named = Named.NOBODY


NOTHING_FOUND = Found(None, None)


class _Asked(NamedTuple):
    """A statement laid out for the innermost loop of every request. `meets` is None when more than a match of
    the resource's text tells whether it is touched."""

    needle: str
    meets: Predicate | None
    conditions: tuple[Condition, ...]
    statement: Statement


class _Side(NamedTuple):
    """The denying or the allowing statements about one action."""

    statements: tuple[Statement, ...]
    asked: tuple[_Asked, ...]

    def first(self, resource: str, context: Context) -> Statement | None:
        """The first that applies."""
        for needle, meets, conditions, statement in self.asked:
            if needle not in resource:
                continue
            if meets is None:
                if statement.applies(resource, context):
                    return statement
            elif meets(resource):
                for holds in conditions:
                    if not holds(context):
                        break
                else:
                    return statement
        return None


class PolicySet:
    """Policies that count as one, of one kind: an identity's, a boundary, a session's, one level of control
    policies.

    Statements are looked up by action once and remembered, and those that cannot touch a resource are told by
    a look at its text, so that asking costs about the same however many policies are attached.
    """

    def __init__(self, statements: Iterable[Statement], name: str = "") -> None:
        self.name = name
        self._statements = tuple(statements)
        self._by_action: dict[str, tuple[_Side, _Side]] = {}
        self.is_conditional = any(s.conditions or s.open_resources for s in self._statements)

    def about(self, action: str) -> tuple[Statement, ...]:
        """Every statement that speaks of the action, denying ones first."""
        denying, allowing = self._about(action)
        return denying.statements + allowing.statements

    def find(self, request: Request) -> Found:
        """For policies without Principal."""
        denying, allowing = self._about(request.action)
        denies = denying.first(request.resource, request.context)
        if denies is not None:
            return Found(denies, None)
        allows = allowing.first(request.resource, request.context)
        return Found(None, allows) if allows is not None else NOTHING_FOUND

    def find_naming(self, request: Request) -> Found:
        """For policies of a resource: the allowing statement that names the caller most directly."""
        denying, allowing = self._about(request.action)
        for statement in denying.statements:
            if statement.naming(request.who) and statement.applies(request.resource, request.context):
                return Found(statement, None)
        best = NOTHING_FOUND
        for statement in allowing.statements:
            named = statement.naming(request.who)
            if named > best.named and statement.applies(request.resource, request.context):
                best = Found(None, statement, named)
        return best

    def _about(self, action: str) -> tuple[_Side, _Side]:
        found = self._by_action.get(action)
        if found is None:
            lower = action.lower()
            about = [s for s in self._statements if s.speaks_of(lower)]
            found = _side(s for s in about if not s.allows), _side(s for s in about if s.allows)
            if len(self._by_action) >= REMEMBERED_ACTIONS:
                self._by_action.clear()
            self._by_action[action] = found
        return found


def _side(statements: Iterable[Statement]) -> _Side:
    kept = tuple(statements)
    return _Side(kept, tuple(map(_asked, kept)))


def _asked(statement: Statement) -> _Asked:
    is_plain = not statement.open_resources and not statement.other_resources
    meets = statement.resource if is_plain else None
    return _Asked(statement.needle, meets, statement.conditions, statement)


EMPTY = PolicySet(())


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that limits or permits a caller besides the resource's own policy. None: there is none."""

    identity: PolicySet = EMPTY
    boundary: PolicySet | None = None
    session: PolicySet | None = None
    control: tuple[PolicySet, ...] = ()
    """Service control policies, one set per level from the root of the organization to the account."""

    is_conditional: bool = field(init=False)
    """Whether a decision can depend on the context at all."""

    is_limited: bool = field(init=False)
    """Whether anything but the identity's own policies counts."""

    def __post_init__(self) -> None:
        sets = (self.identity, self.boundary, self.session, *self.control)
        found = any(each is not None and each.is_conditional for each in sets)
        object.__setattr__(self, "is_conditional", found)
        limited = bool(self.control) or self.boundary is not None or self.session is not None
        object.__setattr__(self, "is_limited", limited)


class _Said(NamedTuple):
    """What each layer says about one request."""

    own: Found
    control: tuple[Found, ...]
    boundary: Found | None
    session: Found | None


def _ask(request: Request, policies: Policies) -> _Said:
    return _Said(
        policies.identity.find(request),
        tuple([level.find(request) for level in policies.control]),
        policies.boundary.find(request) if policies.boundary is not None else None,
        policies.session.find(request) if policies.session is not None else None,
    )


def evaluate(request: Request, policies: Policies) -> Decision:
    """Without a policy of the resource: the identity's policies must allow, and nothing may stand against.

    The order is AWS's: a denial anywhere, then the control policies of every level, then the identity's
    policies, its boundary, its session's policy. The first that refuses gives the reason.
    """
    if not policies.is_limited:
        own = policies.identity.find(request)
        if own.denies:
            return _denied(IDENTITY, own.denies)
        return _answer(request, own.allows, IDENTITY)
    said = _ask(request, policies)
    return (
        _explicit(said, None, "")
        or _controlled(request, said)
        or _refused(request, IDENTITY, said.own)
        or _bounded(request, said)
        or _answer(request, said.own.allows, IDENTITY)
    )


def evaluate_with_resource(
    request: Request,
    policies: Policies,
    resource: PolicySet,
    *,
    owner: str,
    kind: str = RESOURCE,
    must_speak: bool = False,
) -> Decision:
    """With the policy of the resource, which belongs to account `owner`.

    In one account either side may allow. Between accounts both must. AWS lets a resource's policy that names
    the very user or session stand without boundary and session policy; one that names the role, or everyone,
    stays under both. `must_speak`: the identity's policies alone open nothing, the resource's must allow at
    least its account (roles, keys).
    """
    if resource is EMPTY and request.who.account == owner and kind == RESOURCE and not must_speak:
        # Nothing that could name anybody: the caller's own policies decide.
        return evaluate(request, policies)
    said, theirs = _ask(request, policies), resource.find_naming(request)
    refused = _explicit(said, theirs, kind)
    if refused or request.who.service:
        return refused or _answer(request, theirs.allows, kind)
    refused = _controlled(request, said)
    same_account = request.who.account == owner
    if refused or (same_account and theirs.named is Named.ITSELF):
        return refused or _answer(request, theirs.allows, kind)
    if not theirs.allows and (not same_account or must_speak or kind == TRUST):
        return _unallowed(request, kind)
    if same_account and theirs.named >= Named.EVERYONE:
        return _bounded(request, said) or _answer(request, theirs.allows, kind)
    return (
        _refused(request, IDENTITY, said.own)
        or _bounded(request, said)
        or _answer(request, said.own.allows, IDENTITY)
    )


def evaluate_granted(request: Request, policies: Policies, resource: PolicySet, *, to: str) -> Decision:
    """With a grant on the resource to the principal `to` (ARN or id): it needs no other permission, and beats
    no denial.

    As with a policy that names it, a session named itself stands without boundary and session policy; of an
    account that is named, the caller's own policies must allow.
    """
    said, theirs = _ask(request, policies), resource.find_naming(request)
    refused = _explicit(said, theirs, RESOURCE) or _controlled(request, said)
    if not refused and to.endswith(":root"):
        refused = _refused(request, IDENTITY, said.own)
    if not refused and to not in (request.who.arn, request.who.id):
        refused = _bounded(request, said)
    return refused or Decision(True, "", f"a grant to {to}")


def _explicit(said: _Said, theirs: Found | None, kind: str) -> Decision | None:
    """A denial, wherever it stands."""
    for level in said.control:
        if level.denies:
            return _denied(CONTROL, level.denies)
    for found, which in ((theirs, kind), (said.own, IDENTITY), (said.boundary, BOUNDARY)):
        if found is not None and found.denies:
            return _denied(which, found.denies)
    if said.session is not None and said.session.denies:
        return _denied(SESSION, said.session.denies)
    return None


def _controlled(request: Request, said: _Said) -> Decision | None:
    """Every level of the organization must allow."""
    for level in said.control:
        if not level.allows:
            return _unallowed(request, CONTROL)
    return None


def _bounded(request: Request, said: _Said) -> Decision | None:
    """What the boundary and the session policy have against it."""
    if said.boundary is not None and not said.boundary.allows:
        return _unallowed(request, BOUNDARY)
    if said.session is not None and not said.session.allows:
        return _unallowed(request, SESSION)
    return None


def _refused(request: Request, kind: str, found: Found) -> Decision | None:
    return None if found.allows else _unallowed(request, kind)


def _answer(request: Request, allows: Statement | None, kind: str) -> Decision:
    return _allowed(allows) if allows else _unallowed(request, kind)


@lru_cache(maxsize=4096)
def _allowed(statement: Statement) -> Decision:
    return Decision(True, "", str(statement))


def _denied(kind: str, statement: Statement) -> Decision:
    article = "an" if kind[0] in "aeiou" else "a"
    return Decision(False, f"with an explicit deny in {article} {kind}", str(statement))


def _unallowed(request: Request, kind: str) -> Decision:
    return Decision(False, f"because no {kind} allows the {request.action} action")


def refusal_text(request: Request, decision: Decision) -> str:
    """Who may not do what with what, and why, in AWS's words."""
    return (
        f"User: {request.who} is not authorized to perform: {request.action} "
        f"on resource: {request.resource} {decision.reason}"
    )
