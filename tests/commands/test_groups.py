"""Commands for resource groups: who is in them when the command looks, and who may look."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.platform import groups

LIST = "resource-groups:ListGroupResources"


def outcomes(planned):
    return {each["InstanceId"]: each["Outcome"] for each in planned["Targets"]}


def plan(estate, *targets):
    wanted = [{"Key": key, "Values": list(values)} for key, *values in targets]
    asked = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": wanted}
    return estate.call("PlanCommand", **asked)


def test_a_command_goes_to_the_members_of_a_group(estate):
    web, other = estate.node(role="web", env="prod"), estate.node(role="web", env="prod")
    estate.node(role="web", env="test")
    estate.group("web", ("role", "web"), ("env", "prod"))
    command = estate.send_to_group("web")
    estate.tick()
    assert set(estate.statuses(command)) == {web, other}
    estate.finish(command, web, other)
    estate.tick()
    assert estate.counts(command) == ("Success", 2, 2, 0)
    assert estate.command(command)["Targets"] == [{"Key": "resource-groups:Name", "Values": ["web"]}]


def test_members_are_those_of_the_moment_at_which_the_command_looks(estate):
    late = estate.node()
    estate.group("web", ("role", "web"))
    command = estate.send_to_group("web")
    arn = f"arn:aws:ssm:us-east-1:123456789012:managed-instance/{late}"
    estate.database.write_sync(lambda tx: groups.set_tags(tx, estate.scope, arn, {"role": "web"}))
    estate.tick()
    assert set(estate.statuses(command)) == {late}


def test_a_group_and_a_tag_choose_together_and_types_narrow(estate):
    web = estate.node(role="web", env="prod")
    estate.node(role="web", env="test")
    estate.group("web", ("role", "web"))
    both = estate.send(
        Targets=[{"Key": "resource-groups:Name", "Values": ["web"]}, {"Key": "tag:env", "Values": ["prod"]}]
    )
    nobody = estate.send_to_group("web", "AWS::EC2::Instance")
    estate.tick()
    assert set(estate.statuses(both)) == {web}
    assert estate.counts(nobody) == ("NoInstancesInTag", 0, 0, 0)


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_group_without_members_or_that_is_not_there_is_nobody(estate, name):
    estate.node(role="web")
    estate.group("empty", ("role", "none"))
    command = estate.send_to_group(name)
    estate.tick()
    assert estate.counts(command) == ("NoInstancesInTag", 0, 0, 0)


def test_a_group_that_the_caller_may_not_list_ends_the_command_as_access_denied(estate):
    estate.node(role="web")
    estate.denied.add(estate.group("web", ("role", "web")))
    command = estate.send_to_group("web")
    estate.tick()
    assert estate.counts(command) == ("AccessDenied", 0, 0, 0)
    assert estate.command(command)["Status"] == "Failed"
    assert estate.mailbox() == []
    assert estate.events("EC2 Command Status-change Notification")[-1] == "Failed"
    with pytest.raises(AwsError) as refused:
        plan(estate, ("resource-groups:Name", "web"))
    assert refused.value.code == "AccessDeniedException"


def test_the_right_to_list_is_asked_once_with_the_tags_of_the_group(estate):
    arn = estate.group("web", ("role", "web"))
    estate.database.write_sync(lambda tx: groups.set_tags(tx, estate.scope, arn, {"team": "a"}))
    estate.node(role="web")
    estate.send_to_group("web")
    estate.tick()
    asked = [(action, context) for action, resource, context in estate.asked if resource == arn]
    assert asked == [(LIST, {"ssm:resourceTag/team": ["a"], "aws:ResourceTag/team": ["a"]})]


def test_a_plan_shows_the_members_of_a_group(estate):
    web = estate.node(role="web")
    estate.group("web", ("role", "web"))
    assert outcomes(plan(estate, ("resource-groups:Name", "web"))) == {web: "Send"}
    assert outcomes(plan(estate, ("resource-groups:Name", "absent"))) == {}
