"""Policies: what applies, what a condition holds for, how layers combine, what is refused as no policy."""

import json
from pathlib import Path

import pytest

from hostreeve.platform.identity.policy import (
    MalformedPolicy,
    Policies,
    PolicySet,
    Request,
    Who,
    compile_policy,
    evaluate,
    evaluate_with_resource,
    refusal_text,
)

CASES = Path(__file__).parent / "cases"
WHO = Who("111122223333", "arn:aws:iam::111122223333:user/ann")
ACTION = "ssm:SendCommand"
RESOURCE = "arn:aws:ssm:us-east-1:111122223333:document/ann"
CONTEXT = {"aws:username": ["ann"], "aws:securetransport": ["true"]}


def cases(name):
    rows = json.loads((CASES / f"{name}.json").read_text())
    assert len({row["name"] for row in rows}) == len(rows)
    return pytest.mark.parametrize("case", rows, ids=lambda row: row["name"])


def policy(*statements, version="2012-10-17"):
    return json.dumps({"Version": version, "Statement": list(statements)})


def compiled(given, kind="identity"):
    document = given if isinstance(given, dict) else {"Version": "2012-10-17", "Statement": given}
    if document["Statement"] == []:
        return PolicySet(())
    return PolicySet(compile_policy(json.dumps(document), "case", kind))


@cases("matching")
def test_a_statement_speaks_of_what_its_patterns_match(case):
    statement = {"Effect": "Allow", "Resource": "*"} | case["statement"]
    if "NotResource" in statement:
        del statement["Resource"]
    request = Request(WHO, case["action"], case["resource"], {})
    assert evaluate(request, Policies(compiled([statement]))).allowed == case["applies"]


@cases("conditions")
def test_a_condition_holds_as_its_operator_says(case):
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": case["condition"]}
    context = {key.lower(): values for key, values in case["context"].items()}
    request = Request(WHO, ACTION, RESOURCE, context)
    assert evaluate(request, Policies(compiled([statement]))).allowed == case["holds"]


@cases("malformed")
def test_a_document_that_is_no_policy_is_refused_with_its_place(case):
    with pytest.raises(MalformedPolicy) as refused:
        compile_policy(case["document"], "case", case["kind"])
    assert case["says"] in str(refused.value)


@cases("combining")
def test_layers_of_policies_combine_in_the_order_of_aws(case):
    layers = case["layers"]
    policies = Policies(
        compiled(layers["identity"]),
        compiled(layers["boundary"]) if "boundary" in layers else None,
        compiled(layers["session"]) if "session" in layers else None,
        tuple(compiled(level) for level in layers.get("control", [])),
    )
    request = Request(Who(**case["who"]), ACTION, RESOURCE, CONTEXT)
    if "resource" in layers:
        theirs = compiled(layers["resource"], "resource")
        decision = evaluate_with_resource(request, policies, theirs, owner="111122223333")
    else:
        decision = evaluate(request, policies)
    assert (decision.allowed, decision.reason) == (case["allowed"], case["reason"])


def test_there_are_as_many_cases_as_promised():
    assert sum(len(json.loads(path.read_text())) for path in CASES.glob("*.json")) >= 150


def test_a_refusal_says_who_what_on_which_resource_and_why():
    request = Request(WHO, ACTION, RESOURCE, {})
    decision = evaluate(request, Policies())
    assert refusal_text(request, decision) == (
        "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: ssm:SendCommand on resource: "
        f"{RESOURCE} because no identity-based policy allows the ssm:SendCommand action"
    )


def test_a_decision_names_the_statement_that_made_it():
    document = policy(
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "NoSending", "Effect": "Deny", "Action": "ssm:Send*", "Resource": "*"},
    )
    decision = evaluate(
        Request(WHO, ACTION, RESOURCE, {}), Policies(PolicySet(compile_policy(document, "team")))
    )
    assert (decision.allowed, decision.statement) == (False, "team#NoSending")
    other = evaluate(
        Request(WHO, "ssm:Get", RESOURCE, {}), Policies(PolicySet(compile_policy(document, "team")))
    )
    assert (other.allowed, other.statement) == (True, "team#Statement[0]")


def test_a_pattern_of_many_stars_does_not_make_matching_slow():
    hostile = "arn:" + "*a" * 40 + "*b"
    statement = {"Effect": "Allow", "Action": "*", "Resource": hostile}
    request = Request(WHO, ACTION, "arn:" + "a" * 4000, {})
    assert not evaluate(request, Policies(compiled([statement]))).allowed


def test_the_memory_of_actions_is_bounded():
    policies = compiled([{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}])
    for number in range(5000):
        assert evaluate(Request(WHO, f"ssm:Op{number}", RESOURCE, {}), Policies(policies)).allowed
    assert len(policies._by_action) <= 1024
