"""Random policies, decided by ours and by the naive evaluator: they never differ."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from hostreeve.platform.identity.policy import (
    RESOURCE,
    TRUST,
    Policies,
    PolicySet,
    Request,
    Who,
    compile_policy,
    evaluate,
    evaluate_with_resource,
)
from hostreeve.platform.identity.policy import layers as explained
from tests.identity import naive
from tests.sampling import examples

HOME, ABROAD = "111122223333", "444455556666"
ACTIONS = ["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter", "iam:PassRole", "SSM:getparameter"]
RESOURCES = ["arn:aws:ssm:a:1:p/x", "arn:aws:ssm:a:1:p/x/y", "arn:aws:ssm:b:1:p/ann", "*"]
CALLERS = [
    {"account": account, "arn": arn, "role_arn": role}
    for account in (HOME, ABROAD)
    for arn, role in (
        (f"arn:aws:iam::{account}:root", ""),
        (f"arn:aws:iam::{account}:user/ann", ""),
        (f"arn:aws:sts::{account}:assumed-role/R/s", f"arn:aws:iam::{account}:role/R"),
    )
]
SERVICE = "ssm.amazonaws.com"
CALLERS.append({"account": "", "arn": "", "role_arn": "", "service": SERVICE})
NAMES = ["*", HOME, ABROAD, f"arn:aws:iam::{HOME}:root"]
NAMES += [name for caller in CALLERS for name in (caller["arn"], caller["role_arn"]) if name]

action_patterns = st.sampled_from(
    ["*", "ssm:*", "ssm:Get*", "ssm:?etParameter", "iam:*", "ssm:GetParameter", "SSM:get*s"]
)
resource_patterns = st.sampled_from(
    [
        "*",
        "arn:*",
        "arn:aws:ssm:?:1:*",
        "arn:aws:ssm:a:1:p/x",
        "arn:*/${aws:username}",
        "arn:*x*",
        "arn:*p/*/*",
        "arn:aws:ssm:b:1:p/${aws:PrincipalTag/t, 'ann'}",
        "arn:*${*}",
    ]
)
texts = st.sampled_from(
    ["a", "A", "ann", "b*", "*", "?", "${aws:username}", "${none}", "${none, 'a'}", "", "${$}"]
)
values = {
    "String": texts,
    "Numeric": st.sampled_from(["0", "1", "2", "10", "-1", "1.5"]),
    "Date": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "1767225600"]),
    "Bool": st.sampled_from(["true", "false", True, "TRUE"]),
    "Ip": st.sampled_from(["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0"]),
    "Arn": st.sampled_from(["arn:aws:ssm:a:1:p/*", "arn:*:*:*:*:*", "*", "arn:aws:s?m:a:*:p/x", "arn:*x"]),
    "Null": st.sampled_from(["true", "false", True]),
}
OPERATORS = {
    "String": ["Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"],
    "Numeric": ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"],
    "Date": ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"],
    "Bool": [""],
    "Arn": ["Equals", "NotEquals", "Like", "NotLike"],
}
KEYS = {
    "String": "k:text",
    "Numeric": "k:number",
    "Date": "k:date",
    "Bool": "k:bool",
    "Arn": "k:arn",
    "Ip": "k:ip",
}


@st.composite
def conditions(draw):
    family = draw(st.sampled_from([*OPERATORS, "Ip", "Null"]))
    if family == "Null":
        key = draw(st.sampled_from(list(KEYS.values())))
        return {"Null": {key: draw(values["Null"])}}
    name = (
        draw(st.sampled_from(["IpAddress", "NotIpAddress"]))
        if family == "Ip"
        else family + draw(st.sampled_from(OPERATORS[family]))
    )
    name = draw(st.sampled_from(["", "", "ForAnyValue:", "ForAllValues:"])) + name
    name += draw(st.sampled_from(["", "", "IfExists"]))
    wanted = draw(st.lists(values[family], min_size=1, max_size=3))
    key = draw(st.sampled_from([KEYS[family], KEYS[family].upper()]))
    return {name: {key: wanted if len(wanted) > 1 else wanted[0]}}


@st.composite
def statements(draw, *, principal=False):
    found = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))}
    found[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(
        st.one_of(action_patterns, st.lists(action_patterns, min_size=1, max_size=3))
    )
    found[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.one_of(resource_patterns, st.lists(resource_patterns, min_size=1, max_size=3))
    )
    if draw(st.booleans()):
        found["Condition"] = draw(conditions())
    if principal:
        kind = "NotPrincipal" if found["Effect"] == "Deny" and draw(st.booleans()) else "Principal"
        found[kind] = draw(
            st.one_of(
                st.just("*"),
                st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(lambda n: {"AWS": n}),
                st.sampled_from([{"Service": SERVICE}, {"Service": "ec2.amazonaws.com", "AWS": HOME}]),
            )
        )
    return found


def documents(*, principal=False):
    one = st.builds(
        lambda version, listed: {**version, "Statement": listed},
        st.sampled_from(
            [{"Version": "2012-10-17"}, {"Version": "2012-10-17"}, {"Version": "2008-10-17"}, {}]
        ),
        st.lists(statements(principal=principal), min_size=1, max_size=4),
    )
    return st.lists(one, max_size=2)


requests = st.fixed_dictionaries(
    {
        "who": st.sampled_from(CALLERS),
        "action": st.sampled_from(ACTIONS),
        "resource": st.sampled_from(RESOURCES),
        "context": st.fixed_dictionaries(
            {},
            optional={
                "aws:username": st.sampled_from([["ann"], ["*"], ["x"]]),
                "k:text": st.lists(st.sampled_from(["a", "A", "ann", "b", "bb", "*", "", "$"]), max_size=3),
                "k:number": st.lists(st.sampled_from(["0", "1", "1.0", "10", "ten"]), max_size=2),
                "k:date": st.lists(st.sampled_from(["2026-01-01T00:00:00Z", "1767312000", "no"]), max_size=2),
                "k:bool": st.lists(st.sampled_from(["true", "false", "x"]), max_size=2),
                "k:ip": st.lists(st.sampled_from(["10.1.2.3", "192.0.2.1", "2001:db8::9", "x"]), max_size=2),
                "k:arn": st.lists(st.sampled_from([*RESOURCES, "arn:aws:ssm:a:1:p/x:y", "no"]), max_size=2),
            },
        ),
    }
)
layers = st.fixed_dictionaries(
    {
        "identity": documents(),
        "boundary": st.none() | documents(),
        "session": st.none() | documents(),
        "control": st.lists(documents(), max_size=2),
        "resource": st.none() | documents(principal=True),
        "owner": st.just(HOME),
        "trust": st.booleans(),
        "must_speak": st.booleans(),
    }
)
REASONS = {
    "control": "service control policy",
    "resource": "resource-based policy",
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
}


def compiled(found, kind="identity"):
    return PolicySet(
        statement for document in found for statement in compile_policy(json.dumps(document), "random", kind)
    )


@settings(max_examples=examples(1500), deadline=None)
@given(requests, layers)
def test_ours_and_the_naive_evaluator_always_agree(asked, given_layers):
    if asked["who"].get("service") and given_layers["resource"] is None:
        return  # A service has no policies of its own.
    request = Request(Who(**asked["who"]), asked["action"], asked["resource"], asked["context"])
    policies = Policies(
        compiled(given_layers["identity"]),
        None if given_layers["boundary"] is None else compiled(given_layers["boundary"]),
        None if given_layers["session"] is None else compiled(given_layers["session"]),
        tuple(compiled(level) for level in given_layers["control"]),
    )
    theirs = None if given_layers["resource"] is None else compiled(given_layers["resource"], "resource")
    kind = TRUST if given_layers["trust"] else RESOURCE
    if theirs is None:
        decision = evaluate(request, policies)
    else:
        decision = evaluate_with_resource(
            request, policies, theirs, owner=HOME, kind=kind, must_speak=given_layers["must_speak"]
        )
    allowed, stopped_by = naive.decided(asked, given_layers)
    assert decision.allowed == allowed
    assert decision.allowed == (not decision.reason)
    if stopped_by:
        reason = kind if stopped_by == "resource" else REASONS[stopped_by]
        assert reason in decision.reason
    agrees_with_its_explanation(request, decision, explained(request, policies, theirs, kind))


def agrees_with_its_explanation(request, decision, found):
    """What is told layer by layer is what was decided by."""
    assert ("explicitDeny" in {layer.verdict for layer in found}) == decision.reason.startswith("with an")
    if decision.allowed and not request.who.service:
        assert all(layer.verdict == "allowed" for layer in found if layer.kind == "service control policy")
        deciding = [str(h.statement) for layer in found for h in layer.statements if not h.unmet]
        assert decision.statement in deciding
    for layer in found:
        applying = {heard.effect for heard in layer.statements if not heard.unmet}
        assert layer.verdict == (
            "explicitDeny" if "Deny" in applying else "allowed" if applying else "implicitDeny"
        )
