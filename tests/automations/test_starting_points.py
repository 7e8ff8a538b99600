"""Associations and maintenance windows that run runbooks."""

import json

import pytest

from tests.automations.shop import fails, put, step
from tests.windows.estate import HOUR_S, Estate

P = {"parameters": {"P": {"type": "String"}}}


@pytest.fixture
def estate(house):
    made = Estate(house)
    yield made
    made.leave_all()


def associate(ssm, name, **more):
    return ssm.create_association(Name=name, **more)["AssociationDescription"]["AssociationId"]


def overview(ssm, association_id):
    return ssm.describe_association(AssociationId=association_id)["AssociationDescription"]["Overview"]


def begun(ssm, name):
    wanted = [{"Key": "DocumentNamePrefix", "Values": [name]}]
    return ssm.describe_automation_executions(Filters=wanted)["AutomationExecutionMetadataList"]


def role(iam, name, *actions):
    trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return arn


def test_an_association_runs_a_runbook_once_as_the_role_that_it_assumes(house, shop, ssm):
    arn = role(house.client("iam"), "of-associations", "ssm:PutParameter")
    name = shop.write(
        put("a", "associated"),
        parameters={"AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn", "default": ""}},
        assumeRole="{{AutomationAssumeRole}}",
    )
    one = associate(ssm, name, Parameters={"AutomationAssumeRole": [arn]}, ApplyOnlyAtCronInterval=False)
    house.tick()
    assert overview(ssm, one)["Status"] == "Success"
    (execution,) = begun(ssm, name)
    assert (execution["AutomationExecutionStatus"], execution["ExecutedBy"].split("/")[1]) == (
        "Success",
        "AWSServiceRoleForAmazonSSM",
    )
    assert shop.get(execution["AutomationExecutionId"])["AssociationId"] == one
    (time,) = ssm.describe_association_executions(AssociationId=one)["AssociationExecutions"]
    assert (time["Status"], time["DetailedStatus"]) == ("Success", "Success")


def test_without_a_role_a_runbook_of_an_association_may_nothing(house, shop, ssm):
    name = shop.write(put("a", "not-associated"))
    one = associate(ssm, name)
    house.tick()
    assert overview(ssm, one)["Status"] == "Failed"
    (execution,) = begun(ssm, name)
    assert "AccessDeniedException" in shop.get(execution["AutomationExecutionId"])["FailureMessage"]


def test_an_association_shows_how_its_runbook_stands(house, shop, ssm):
    name = shop.write(step("nap", inputs={"Duration": "PT1M"}))
    one = associate(ssm, name)
    house.tick()
    assert overview(ssm, one)["Status"] == "Pending"
    shop.later(60)
    assert overview(ssm, one)["Status"] == "Success"


def test_an_association_runs_a_runbook_for_each_target(house, shop, ssm):
    name = shop.write(step("nap", inputs={"Timestamp": "2020-01-01T00:00:00Z"}), **P)
    targets = [{"Key": "ParameterValues", "Values": ["a", "b"]}]
    one = associate(
        ssm, name, Targets=targets, AutomationTargetParameterName="P", MaxConcurrency="1", MaxErrors="0"
    )
    house.tick()
    assert overview(ssm, one)["Status"] == "Success"
    assert {each.get("Target") for each in begun(ssm, name)} == {None, "a", "b"}


def test_a_runbook_of_an_association_that_cannot_begin_says_why(house, shop, ssm):
    name = shop.write(step("nap"), **P)
    locations = [{"Accounts": ["111111111111"], "Regions": ["mars-1"]}]
    one = associate(ssm, name, Parameters={"P": ["x"]}, TargetLocations=locations)
    house.tick()
    shown = overview(ssm, one)
    assert shown["Status"] == "Failed"
    assert "does not serve the Region" in shown["DetailedStatus"]


def test_the_time_of_an_association_ends_its_runbook(house, shop, ssm):
    name = shop.write(step("nap", inputs={"Duration": "PT5H"}))
    one = associate(ssm, name, ScheduleExpression="rate(1 hour)")
    house.tick()
    (first,) = begun(ssm, name)
    shop.later(3600)
    assert shop.get(first["AutomationExecutionId"]).status == "Cancelled"
    assert len(begun(ssm, name)) == 2
    ssm.delete_association(AssociationId=one)
    shop.stop_all()


def test_a_role_that_may_not_be_handed_over_makes_no_association(house, shop, ssm):
    iam = house.client("iam")
    arn = role(iam, "coveted", "ssm:*")
    name = shop.write(put("a", "x"), assumeRole=arn)
    iam.create_user(UserName="associator")
    allowed = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="associator", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="associator")["AccessKey"]
    theirs = house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))
    with pytest.raises(Exception, match="iam:PassRole"):
        theirs.create_association(Name=name)
    nobody = shop.write(put("a", "x"), assumeRole=arn.replace("coveted", "nobody"))
    with pytest.raises(ssm.exceptions.InvalidParameters, match="unable to be assumed"):
        ssm.create_association(Name=nobody)


def test_a_window_runs_a_runbook_for_each_of_its_targets(house, shop, estate):
    nodes = sorted([estate.node(), estate.node()])
    arn = estate.role("Windows", "AdministratorAccess")
    name = shop.write(
        put("a", "windowed-{{ P }}", "{{ Id }}"), parameters={**P["parameters"], "Id": {"type": "String"}}
    )
    window = estate.window("rate(1 hour)")
    target = estate.target(window, *nodes)
    given = {
        "Automation": {
            "DocumentVersion": "1",
            "Parameters": {"P": ["{{ TARGET_ID }}"], "Id": ["{{ WINDOW_ID }}"]},
        }
    }
    estate.task(
        window,
        target,
        TaskType="AUTOMATION",
        TaskArn=name,
        ServiceRoleArn=arn,
        TaskInvocationParameters=given,
    )
    estate.later(HOUR_S)
    assert estate.statuses(window) == ["SUCCESS"]
    runs = estate.runs(window)
    assert [run["Status"] for run in runs] == ["SUCCESS", "SUCCESS"]
    assert {shop.get(run["ExecutionId"]).status for run in runs} == {"Success"}
    found = estate.ssm.get_parameters(Names=[f"windowed-{node}" for node in nodes])["Parameters"]
    assert [each["Value"] for each in found] == [window, window]


def test_a_window_without_targets_runs_a_runbook_once_and_shows_its_failure(house, shop, estate):
    name = shop.write(fails("bad"))
    window = estate.window("rate(1 hour)")
    estate.task(
        window,
        TaskType="AUTOMATION",
        TaskArn=name,
        ServiceRoleArn=estate.role("Failing", "AdministratorAccess"),
    )
    estate.later(HOUR_S)
    (run,) = estate.runs(window)
    assert run["Status"] == "FAILED"
    assert "ParameterNotFound" in run["StatusDetails"]


def test_a_window_whose_role_may_not_begin_runbooks_says_so(house, shop, estate):
    window = estate.window("rate(1 hour)")
    estate.task(
        window,
        TaskType="AUTOMATION",
        TaskArn=shop.write(step("nap")),
        ServiceRoleArn=estate.role("Powerless"),
    )
    estate.later(HOUR_S)
    (run,) = estate.runs(window)
    assert "does not contain the correct SSM permissions" in run["StatusDetails"]
