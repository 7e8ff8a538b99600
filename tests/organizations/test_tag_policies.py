"""Tag policies: what may stand in one, and what those on the way to an account say together."""

import json

import pytest

from hostreeve.platform.organizations.model.tag_policies import check_tag_policy, merged
from tests.organizations.conftest import refused, unit
from tests.organizations.test_policies import TAG, attach, created


def tags(**named):
    return json.dumps({"tags": named})


def team(**operators):
    return tags(team={"tag_key": {"@@assign": "Team"}, "tag_value": operators})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no", "not JSON"),
        ("[]", "one member tags"),
        ('{"tags": {}, "more": 1}', "one member tags"),
        (tags(team=1), "tags.team must be an object"),
        (tags(team={"enforced_for": {"@@assign": "ec2:*"}}), "list of texts"),
        (tags(team={"enforced_for": {"@@assign": ["ec2"]}}), "no service:type"),
        (tags(team={"enforced_for": {"@@assign": ["*:*"]}}), "no service:type"),
        (tags(team={"enforced_for": {"@@assign": ["iam:user"]}}), "not enforced"),
        (tags(team={"enforced_for": {"@@append": ["organizations:*"]}}), "not enforced"),
        (tags(team={"tag_key": {"@@assign": "Group"}}), "but for its capitals"),
        (tags(team={"colour": {"@@assign": "x"}}), "no setting"),
        (tags(team={"tag_key": "Team"}), "object of operators"),
        (tags(team={"tag_key": {"@@append": "Team"}}), "knows no operator"),
        (tags(team={"tag_key": {"@@assign": ["Team"]}}), "must be a text"),
        (tags(team={"tag_value": {"@@assign": "a"}}), "list of texts"),
        (tags(team={"@@operators_allowed_for_child_policies": ["@@all", "some"]}), "must be a list of"),
    ],
)
def test_what_is_no_tag_policy_says_why(content, said):
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        check_tag_policy(content)


@pytest.mark.parametrize(
    ("levels", "values"),
    [
        ([[team(**{"@@assign": ["a", "b"]})]], ["a", "b"]),
        ([[team(**{"@@assign": ["a"]})], [team(**{"@@append": ["b", "a"]})]], ["a", "b"]),
        ([[team(**{"@@assign": ["a", "b"]})], [team(**{"@@remove": ["a", "c"]})]], ["b"]),
        ([[team(**{"@@assign": ["a"]})], [team(**{"@@assign": ["b"]})]], ["b"]),
        (
            [
                [team(**{"@@assign": ["a"], "@@operators_allowed_for_child_policies": ["@@none"]})],
                [team(**{"@@assign": ["b"]})],
            ],
            ["a"],
        ),
        (
            [
                [team(**{"@@assign": ["a"], "@@operators_allowed_for_child_policies": ["@@append"]})],
                [team(**{"@@assign": ["b"], "@@append": ["c"]})],
            ],
            ["a", "c"],
        ),
        (
            [
                [team(**{"@@assign": ["a"], "@@operators_allowed_for_child_policies": ["@@append"]})],
                [team(**{"@@append": ["b"], "@@operators_allowed_for_child_policies": ["@@all"]})],
                [team(**{"@@assign": ["c"], "@@remove": ["a"]})],
            ],
            ["a", "b"],
        ),
    ],
)
def test_levels_are_merged_by_their_operators(levels, values):
    found = json.loads(merged(levels))["tags"]["team"]
    assert found == {"tag_key": "Team", "tag_value": values}


def test_a_whole_policy_may_close_what_is_below_it():
    closed = json.dumps(
        {
            "tags": {
                "@@operators_allowed_for_child_policies": ["@@none"],
                "team": {"tag_key": {"@@assign": "Team"}},
            }
        }
    )
    assert json.loads(merged([[closed], [tags(stage={"tag_key": {"@@assign": "Stage"}})]])) == {
        "tags": {"team": {"tag_key": "Team"}}
    }


def test_an_account_sees_what_holds_for_it(site, root):
    admin, account = site.member()
    below = unit(site, root, "Below")
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=TAG)
    with refused("EffectivePolicyNotFoundException"):
        admin.organizations("DescribeEffectivePolicy", PolicyType=TAG)
    attach(site, created(site, team(**{"@@assign": ["a"]}), "outer", TAG), root)
    attach(site, created(site, team(**{"@@append": ["b"]}), "inner", TAG), below)
    for asking in (admin, site.admin):
        shown = asking.organizations("DescribeEffectivePolicy", PolicyType=TAG, TargetId=account)
        found = json.loads(shown["EffectivePolicy"]["PolicyContent"])
        assert found["tags"]["team"]["tag_value"] == ["a"]
    site.admin.organizations("MoveAccount", AccountId=account, SourceParentId=root, DestinationParentId=below)
    shown = admin.organizations("DescribeEffectivePolicy", PolicyType=TAG)["EffectivePolicy"]
    assert json.loads(shown["PolicyContent"])["tags"]["team"]["tag_value"] == ["a", "b"]
    assert (shown["TargetId"], shown["PolicyType"]) == (account, TAG)
    assert (
        site.admin.organizations("ListAccountsWithInvalidEffectivePolicy", PolicyType=TAG)["Accounts"] == []
    )
    checked = site.admin.organizations(
        "ListEffectivePolicyValidationErrors", AccountId=account, PolicyType=TAG
    )
    assert checked["EffectivePolicyValidationErrors"] == [] and checked["Path"].endswith(f"{account}/")


def test_effective_policies_of_others_are_for_their_managers(site, root):
    admin, _ = site.member()
    with refused("AccessDeniedException"):
        admin.organizations("DescribeEffectivePolicy", PolicyType=TAG, TargetId=site.account)
    with refused("InvalidInputException", "INVALID_PATTERN_TARGET_ID"):
        site.admin.organizations("DescribeEffectivePolicy", PolicyType=TAG, TargetId=root)
    with refused("TargetNotFoundException"):
        site.admin.organizations("DescribeEffectivePolicy", PolicyType=TAG, TargetId="123456789012")
    with refused("AccountNotFoundException"):
        site.admin.organizations(
            "ListEffectivePolicyValidationErrors", AccountId="123456789012", PolicyType=TAG
        )
