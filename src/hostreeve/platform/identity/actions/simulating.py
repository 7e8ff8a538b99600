"""What would be decided: policies and a caller as somebody describes them, asked by the same evaluator."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hostreeve.platform.identity.policy import (
    ALLOWED,
    BOUNDARY,
    CONTROL,
    EXPLICIT_DENY,
    IDENTITY,
    RESOURCE,
    Context,
    Decision,
    Heard,
    Layer,
    Policies,
    PolicySet,
    Request,
    Span,
    Who,
    compile_policy,
    context_keys,
    evaluate,
    evaluate_with_resource,
    layers,
    spans,
    verdict_of,
)
from hostreeve.platform.identity.policy.document import Kind


class Source(NamedTuple):
    """A policy of a simulation: what it is called and where it comes from, its text. `key` tells it from all
    others: a policy of AWS's and one of the account's may have one name."""

    policy_id: str
    kind: str
    document: str
    arn: str = ""

    @property
    def key(self) -> str:
        return self.arn or self.policy_id


class Setting(NamedTuple):
    """Everything that a simulated request is decided by. `owner` is the account of the resources whose ARNs
    tell none."""

    who: Who
    policies: Policies
    resource: PolicySet | None
    owner: str
    sources: Mapping[str, Source]


class Outcome(NamedTuple):
    """What was decided about one action on one resource. None for what takes no part."""

    decision: Decision
    verdict: str
    statements: Sequence[Heard]
    missing: Sequence[str]
    by_organization: bool | None
    by_boundary: bool | None
    by_kind: Mapping[str, str]


def policy_set(sources: Iterable[Source], kind: Kind = "identity") -> PolicySet:
    """The policies as one. MalformedPolicy when one is none."""
    return PolicySet(
        statement for source in sources for statement in compile_policy(source.document, source.key, kind)
    )


def simulated(setting: Setting, action: str, resource: str, context: Context) -> Outcome:
    request = Request(setting.who, action, resource, context)
    owner = owner_of(resource) or setting.owner
    crosses = setting.resource is not None and owner != setting.who.account
    if setting.resource is None:
        decision = evaluate(request, setting.policies)
    else:
        decision = evaluate_with_resource(request, setting.policies, setting.resource, owner=owner)
    found = layers(request, setting.policies, setting.resource)
    verdict = verdict_of(decision)
    return Outcome(
        decision,
        verdict,
        _deciding(found, verdict),
        _missing(found, context),
        _allowing(found, CONTROL),
        _allowing(found, BOUNDARY),
        {layer.kind: layer.verdict for layer in found if layer.kind in (IDENTITY, RESOURCE)}
        if crosses
        else {},
    )


def owner_of(resource: str) -> str:
    """The account that an ARN tells; empty when it tells none."""
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[0] == "arn" else ""


def place_of(setting: Setting, heard: Heard) -> tuple[Source | None, Span | None]:
    """Where a statement was written."""
    source = setting.sources.get(heard.statement.policy)
    return (source, spans(source.document)[heard.statement.index]) if source else (None, None)


def _deciding(found: Sequence[Layer], verdict: str) -> list[Heard]:
    """The statements that were decided by, of those that AWS's simulator shows: the identity's and the
    resource's."""
    effect = {ALLOWED: "Allow", EXPLICIT_DENY: "Deny"}.get(verdict)
    return [
        heard
        for layer in found
        if layer.kind in (IDENTITY, RESOURCE)
        for heard in layer.statements
        if heard.effect == effect and not heard.unmet
    ]


def _missing(found: Sequence[Layer], context: Context) -> list[str]:
    """The keys that statements about the action ask for and that the context does not tell."""
    asked = {
        key: None
        for layer in found
        if layer.kind != CONTROL
        for heard in layer.statements
        for key in context_keys(heard.statement.raw)
        if not context.get(key.lower())
    }
    return list(asked)


def _allowing(found: Sequence[Layer], kind: str) -> bool | None:
    verdicts = [layer.verdict for layer in found if layer.kind == kind]
    return all(verdict == ALLOWED for verdict in verdicts) if verdicts else None
