"""What lists of IAM are allowed on: the path that is asked for."""

import pytest

from tests.identity.caller import allow, refused


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ListUsers", "user"),
        ("ListRoles", "role"),
        ("ListGroups", "group"),
        ("ListInstanceProfiles", "instance-profile"),
    ],
)
def test_who_may_list_a_path_may_list_nothing_above_it(site, operation, kind):
    ann = site.user("ann", allow(f"iam:{operation}", f"arn:aws:iam::*:{kind}/team/*"))
    assert ann.iam(operation, PathPrefix="/team/")["IsTruncated"] is False
    with refused("AccessDeniedException") as denied:
        ann.iam(operation)
    assert f"on resource: arn:aws:iam::{site.account}:{kind}/ because" in denied.value.message
    bob = site.user("bob", allow(f"iam:{operation}", f"arn:aws:iam::{site.account}:*"))
    assert bob.iam(operation)["IsTruncated"] is False


def test_policies_of_aws_are_listed_too_so_their_list_has_no_arn(site):
    ann = site.user("ann", allow("iam:ListPolicies", "arn:aws:iam::*:policy/*"))
    with refused("AccessDeniedException") as denied:
        ann.iam("ListPolicies")
    assert "on resource: policy path / because" in denied.value.message
    assert site.user("bob", allow("iam:List*")).iam("ListPolicies", Scope="AWS")["Policies"]
