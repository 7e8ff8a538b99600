"""The rules of keys by themselves: constraints of grants, names, and what a state forbids."""

import json
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hostreeve.kernel.scope import Scope
from hostreeve.platform.kms.lifecycle import objection
from hostreeve.platform.kms.model import policies
from hostreeve.platform.kms.model.grants import is_narrower, is_within, possible
from hostreeve.platform.kms.model.key import named
from hostreeve.platform.kms.model.specs import SPECS

HERE = Scope("111122223333", "us-east-1")
CONTEXTS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)
CONSTRAINTS = st.fixed_dictionaries(
    {}, optional={"EncryptionContextEquals": CONTEXTS, "EncryptionContextSubset": CONTEXTS}
)
EVERY_CONTEXT = [
    {key: value for key, value in zip("ab", values, strict=True) if value}
    for values in product(("", "x", "y"), repeat=2)
]


@given(CONSTRAINTS, CONSTRAINTS)
@example(
    {"EncryptionContextEquals": {}},
    {"EncryptionContextEquals": {}, "EncryptionContextSubset": {"a": "x"}},
)
def test_a_narrower_grant_permits_nothing_that_its_parent_forbids(child, parent):
    if is_narrower(child, parent):
        for context in EVERY_CONTEXT:
            assert is_within(parent, context) or not is_within(child, context)


@given(CONSTRAINTS)
def test_every_grant_may_be_given_on_as_it_is(constraints):
    assert is_narrower(constraints, constraints)


@pytest.mark.parametrize(
    ("child", "parent", "may"),
    [
        ({}, {}, True),
        ({}, {"EncryptionContextSubset": {"a": "x"}}, False),
        ({"EncryptionContextEquals": {"a": "x", "b": "y"}}, {"EncryptionContextSubset": {"a": "x"}}, True),
        ({"EncryptionContextSubset": {"a": "x"}}, {"EncryptionContextEquals": {"a": "x"}}, False),
        ({"EncryptionContextEquals": {"a": "y"}}, {"EncryptionContextEquals": {"a": "x"}}, False),
    ],
)
def test_which_grants_are_narrower(child, parent, may):
    assert is_narrower(child, parent) is may


@pytest.mark.parametrize(
    ("key_id", "account", "region", "resource"),
    [
        ("1234", "111122223333", "us-east-1", "key/1234"),
        ("alias/a/b", "111122223333", "us-east-1", "alias/a/b"),
        ("arn:aws:kms:eu-west-1:222233334444:key/1234", "222233334444", "eu-west-1", "key/1234"),
        ("arn:aws:kms:eu-west-1:222233334444:alias/a", "222233334444", "eu-west-1", "alias/a"),
    ],
)
def test_a_key_goes_by_four_kinds_of_name(key_id, account, region, resource):
    assert named(HERE, key_id) == (Scope(account, region), resource)


@pytest.mark.parametrize(
    "arn", ["arn:", "arn:aws:s3:::b", "arn:aws:kms:r:1:key/x", "arn:aws:kms:r:111122223333:x/y"]
)
def test_other_arns_are_no_names_of_keys(arn):
    assert named(HERE, arn) is None


@pytest.mark.parametrize(
    ("state", "need", "code"),
    [
        ("Enabled", "usable", None),
        ("Enabled", "pending", "KMSInvalidStateException"),
        ("Disabled", "usable", "DisabledException"),
        ("Disabled", "kept", None),
        ("Disabled", "pending", "KMSInvalidStateException"),
        ("PendingDeletion", "usable", "KMSInvalidStateException"),
        ("PendingDeletion", "kept", "KMSInvalidStateException"),
        ("PendingDeletion", "pending", None),
        ("PendingDeletion", "any", None),
    ],
)
def test_what_a_state_forbids(state, need, code):
    against = objection(state, need)
    assert (against and against[0]) == code


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
def test_every_usage_of_a_spec_has_algorithms_and_operations(spec):
    for usage in spec.usages:
        assert spec.algorithms(usage)
        assert len(possible(spec.name, usage)) > 3


def test_a_managed_keys_policy_speaks_to_its_account_through_its_service_only():
    scope = Scope("111122223333", "us-east-1")
    document = policies.managed("alias/aws/ssm", scope)
    service = "ssm.us-east-1.amazonaws.com"

    def said(**how):
        found = json.loads(policies.as_asked(document, **how))
        assert all("Condition" not in statement for statement in found["Statement"])
        return [statement["Sid"] for statement in found["Statement"]]

    assert said(caller=scope.account, through=service) == ["Use through ssm", "Metadata for the account"]
    for caller, through in (
        ("999999999999", service),
        (scope.account, ""),
        (scope.account, "ssm.eu-west-1.amazonaws.com"),
        (scope.account, "s3.us-east-1.amazonaws.com"),
    ):
        assert said(caller=caller, through=through) == ["Metadata for the account"]
    assert "Condition" in json.loads(document)["Statement"][0]
