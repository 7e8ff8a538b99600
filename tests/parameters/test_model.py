"""Names, policies and tiers by themselves, against whatever may arrive."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.capabilities.parameters.model import names, policies, values
from hostreeve.kernel.scope import Scope

SCOPE = Scope("111122223333", "us-east-1")
ANYTHING = st.text(alphabet="ab/:.-_ awsmñ1", max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Type", "Version", "Attributes", "After", "Unit", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(ANYTHING)
def test_whatever_is_called_a_name_has_one_arn_without_a_doubled_first_slash(text):
    arn = names.arn_of(SCOPE, text)
    assert arn.startswith("arn:aws:ssm:us-east-1:111122223333:parameter/")
    assert not arn.startswith("arn:aws:ssm:us-east-1:111122223333:parameter//") or text.strip(" ")[:2] == "//"
    named = names.read(SCOPE.account, SCOPE.region, text)
    if named is not None and not names.wrong_with(named):
        assert "//" not in named.arn
        assert names.read(SCOPE.account, SCOPE.region, named.arn).path == named.path
        assert names.read(SCOPE.account, SCOPE.region, named.path).arn == named.arn


@pytest.mark.parametrize(
    ("path", "parent", "levels"), [("/a", "/", 1), ("/a/b", "/a", 2), ("/a/b/c", "/a/b", 3)]
)
def test_a_path_lies_below_its_parent(path, parent, levels):
    assert names.parent_of(path) == parent
    assert names.levels(names.read("", "", path)) == levels


def test_paths_are_authorised_without_their_last_slash():
    for path in ("/a/b", "/a/b/"):
        assert names.path_arn(SCOPE, path) == "arn:aws:ssm:us-east-1:111122223333:parameter/a/b"
    assert names.path_arn(SCOPE, "/") == "arn:aws:ssm:us-east-1:111122223333:parameter/"
    assert names.path_arn(SCOPE, "/aws/service") == "arn:aws:ssm:us-east-1::parameter/aws/service"


@given(JSON)
def test_any_json_is_read_as_policies_or_refused_with_awss_code(anything):
    try:
        found = policies.read(json.dumps([anything]), 0)
    except policies.Refused as refused:
        assert refused.code.endswith("Exception")
    else:
        assert all(
            policy.type in ("Expiration", "ExpirationNotification", "NoChangeNotification")
            for policy in found
        )


@given(st.text(max_size=30))
def test_any_text_is_read_as_policies_or_refused(text):
    with contextlib.suppress(policies.Refused):
        assert policies.read(text, 0) == ()


@given(
    wanted=st.sampled_from([None, "Standard", "Advanced", "Intelligent-Tiering"]),
    current=st.sampled_from([None, "Standard", "Advanced"]),
    size=st.sampled_from([1, 4096, 4097, 8192]),
    has_policies=st.booleans(),
)
def test_no_tier_ever_falls(wanted, current, size, has_policies):
    try:
        tier = values.tier_of(wanted, current, size_bytes=size, has_policies=has_policies)
    except values.Downgrade:
        assert (wanted, current) == ("Standard", "Advanced")
        return
    assert tier == "Advanced" if "Advanced" in (wanted, current) else tier in ("Standard", "Advanced")
    if wanted == "Intelligent-Tiering" and (size > 4096 or has_policies):
        assert tier == "Advanced"
