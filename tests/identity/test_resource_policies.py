"""What a resource's own policy and the caller's say together, and what a grant adds."""

import json

import pytest

from hostreeve.api.call import Principal, ResourcePolicy
from hostreeve.platform import identity
from hostreeve.platform.identity.actions import resources
from hostreeve.platform.identity.policy import Policies, PolicySet, Request, Who, compile_policy

OWNER, OTHER = "111122223333", "222233334444"
ARN = f"arn:aws:kms:us-east-1:{OWNER}:key/k"
ACTION = "kms:Decrypt"


def document(effect, principal, **more):
    statement = {"Effect": effect, "Principal": principal, "Action": ACTION, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def own(effect):
    text = {"Effect": effect, "Action": ACTION, "Resource": "*"}
    written = json.dumps({"Version": "2012-10-17", "Statement": [text]})
    return Policies(PolicySet(compile_policy(written, "own"))) if effect else Policies()


def allowed(account, policies, policy):
    who = Who(account, f"arn:aws:iam::{account}:user/u", "", "", "AIDAX")
    request = Request(who, ACTION, ARN, {})
    return resources.decided(request, policies, resources.compiled(policy.document), policy).allowed


ROOT, ME = {"AWS": OWNER}, {"AWS": f"arn:aws:iam::{OWNER}:user/u"}


@pytest.mark.parametrize(
    ("said", "must_speak", "mine", "may"),
    [
        ("", False, "Allow", True),
        ("", True, "Allow", False),
        (document("Allow", ROOT), True, "Allow", True),
        (document("Allow", ROOT), True, "", False),
        (document("Allow", ME), True, "", True),
        (document("Allow", ME), True, "Deny", False),
        (document("Deny", ME), True, "Allow", False),
    ],
)
def test_within_an_account(said, must_speak, mine, may):
    assert allowed(OWNER, own(mine), ResourcePolicy(OWNER, said, must_speak)) is may


@pytest.mark.parametrize(
    ("said", "mine", "may"),
    [
        ("", "Allow", False),
        (document("Allow", {"AWS": OTHER}), "Allow", True),
        (document("Allow", {"AWS": OTHER}), "", False),
        (document("Allow", "*"), "", False),
    ],
)
def test_between_accounts_both_must_allow(said, mine, may):
    assert allowed(OTHER, own(mine), ResourcePolicy(OWNER, said)) is may


@pytest.mark.parametrize(
    ("said", "mine", "to", "may"),
    [
        ("", "", "user/u", True),
        ("", "Deny", "user/u", False),
        (document("Deny", "*"), "", "user/u", False),
        ("", "", "root", False),
        ("", "Allow", "root", True),
    ],
)
def test_a_grant_needs_nothing_else_and_beats_no_denial(said, mine, to, may):
    granted = ResourcePolicy(OWNER, said, True, f"arn:aws:iam::{OTHER}:{to}")
    assert allowed(OTHER, own(mine), granted) is may


def test_costly_condition_keys_are_fetched_once_and_only_when_one_is_missed():
    fetched = []

    def further():
        fetched.append(1)
        return {"aws:ResourceTag/Team": ["a"]}

    known = resources.Known({"kms:ViaService": ["ssm"]}, further)
    assert known.get("kms:viaservice") == ["ssm"] and not fetched
    assert known.get("aws:resourcetag/team") == ["a"]
    assert known.get("absent") is None and known.get("absent", ()) == ()
    assert len(fetched) == 1


def test_a_document_speaks_for_whom_it_names_or_whose_account():
    me = Principal(OWNER, f"arn:aws:iam::{OWNER}:user/u", "AIDAX", "AKIAX")
    for said, speaks in ((ROOT, True), (ME, True), ({"AWS": OTHER}, False)):
        assert identity.speaks_for(document("Allow", said), me, ACTION, ARN, {}) is speaks
    assert not identity.speaks_for(document("Deny", "*"), me, ACTION, ARN, {})
    with pytest.raises(identity.MalformedPolicy):
        identity.speaks_for("{}", me, ACTION, ARN, {})
