"""Executions across accounts and Regions: roles assumed, children where they run, two rate controls."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.automations.landscape import ADMINISTRATION, EXECUTION, HERE, LISTS_UNITS, THERE, Landscape
from tests.automations.shop import fails, put, step
from tests.identity.caller import printed

pytestmark = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True, scope="module")
ROLE = {"AutomationAssumeRole": {"type": "String", "default": ""}}
WITH_ROLE = {"assumeRole": "{{ AutomationAssumeRole }}", "parameters": ROLE}


@pytest.fixture(scope="module")
def land(house):
    made = Landscape(house)
    made.one, made.two = made.member("one"), made.member("two")
    return made


@pytest.fixture
def shop(land):
    return land.shop


def location(*accounts, regions=(HERE,), **more):
    return {"Accounts": list(accounts), "Regions": list(regions), **more}


def places(one):
    return [
        (each["TargetLocation"]["Accounts"][0], each["TargetLocation"]["Regions"][0], each["StepStatus"])
        for each in one["StepExecutions"]
    ]


def refusal(call, **request):
    with pytest.raises(ClientError) as wrong:
        call(**request)
    return wrong.value.response["Error"]


def test_the_runbook_runs_in_each_account_and_region_as_the_execution_role_there(land, shop):
    who = {"Service": "sts", "Api": "GetCallerIdentity"}
    outputs = [{"Name": "Arn", "Selector": "$.Arn", "Type": "String"}]
    name = shop.write(
        step("who", "aws:executeAwsApi", who, outputs=outputs),
        put("trace", "by-{{ global:ACCOUNT_ID }}-{{ global:REGION }}"),
        outputs=["who.Arn"],
        **WITH_ROLE,
    )
    one = land.start(name, location(land.one, land.two, regions=[HERE, THERE]))
    assert one.status == "Success", one.get("FailureMessage")
    assert places(one) == [(a, r, "Success") for a in (land.one, land.two) for r in (HERE, THERE)]
    assert one["ProgressCounters"]["TotalSteps"] == one["ProgressCounters"]["SuccessSteps"] == 4
    assert one["TargetLocations"] == [location(land.one, land.two, regions=[HERE, THERE])]
    first = one["StepExecutions"][0]
    assert first["Action"] == "aws:executeAutomation"
    assert first["TargetLocation"]["ExecutionRoleName"] == EXECUTION
    for each in one["StepExecutions"]:
        account, region = each["TargetLocation"]["Accounts"][0], each["TargetLocation"]["Regions"][0]
        ssm = land.ssm(account, region)
        (child,) = land.children(one, account, region)
        assert each["Outputs"]["ExecutionId"] == [child["AutomationExecutionId"]]
        assert child["ParentAutomationExecutionId"] == one.id
        shown = ssm.get_automation_execution(AutomationExecutionId=child["AutomationExecutionId"])
        shown = shown["AutomationExecution"]
        session = f"arn:aws:sts::{account}:assumed-role/{EXECUTION}/Automation-"
        assert shown["Outputs"]["who.Arn"][0].startswith(session)
        assert each["Outputs"]["Output"] == shown["Outputs"]["who.Arn"]
        assert shown["Parameters"]["AutomationAssumeRole"] == [f"arn:aws:iam::{account}:role/{EXECUTION}"]
        assert shown["ExecutedBy"] == f"{session}{one.id}"
        assert ssm.get_parameter(Name=f"by-{account}-{region}")["Parameter"]["Value"] == "x"
    assert land.children(one, land.account) == []


def test_the_assumption_is_in_the_audit_log_of_the_central_account(land, shop, house):
    one = land.start(shop.write(step("nap"), **WITH_ROLE), location(land.one))
    house.tick()
    found = house.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}], MaxResults=50
    )["Events"]
    texts = [each["CloudTrailEvent"] for each in found]
    assert any(f"Automation-{one.id}" in text and ADMINISTRATION in text for text in texts), texts


def test_lists_tell_executions_across_accounts_from_local_ones(land, shop, ssm):
    crossing = land.start(shop.write(put("a", "x"), **WITH_ROLE), location(land.one))
    local = shop.run(put("a", "x"))

    def listed(kind):
        wanted = [{"Key": "AutomationType", "Values": [kind]}]
        found = ssm.describe_automation_executions(Filters=wanted)["AutomationExecutionMetadataList"]
        assert {each["AutomationType"] for each in found} == {kind}
        return [each["AutomationExecutionId"] for each in found]

    assert crossing.id in listed("CrossAccount") and crossing.id not in listed("Local")
    assert local.id in listed("Local") and local.id not in listed("CrossAccount")
    (child,) = land.children(crossing, land.one)
    assert child["AutomationType"] == "Local"


def test_the_next_location_begins_when_the_one_before_has_ended(land, shop):
    name = shop.write(step("nap", inputs={"Duration": "PT10S"}), **WITH_ROLE)
    one = land.start(name, location(land.one, land.two))
    assert [status for *_, status in places(one)] == ["InProgress", "Pending"]
    shop.later(10)
    assert [status for *_, status in places(shop.get(one.id))] == ["Success", "InProgress"]
    shop.later(10)
    assert shop.get(one.id).status == "Success"


def test_two_entries_go_on_side_by_side_each_with_its_own_pace(land, shop):
    name = shop.write(step("nap", inputs={"Duration": "PT10S"}), **WITH_ROLE)
    slow = location(land.one, regions=[HERE, THERE])
    fast = location(land.two, regions=[HERE, THERE, "eu-west-1"], TargetLocationMaxConcurrency="100%")
    one = land.start(name, slow, fast)
    assert [s for *_, s in places(one)] == ["InProgress", "Pending", "InProgress", "Pending", "Pending"]
    shop.later(10)
    now = [s for *_, s in places(shop.get(one.id))]
    assert now == ["Success", "InProgress", "Success", "InProgress", "InProgress"]
    shop.later(10)
    assert shop.get(one.id).status == "Success"


def test_one_error_ends_the_beginning_of_others_unless_more_are_allowed(land, shop):
    name = shop.write(fails("bad"), **WITH_ROLE)
    one = land.start(name, location(land.one, land.two))
    assert (one.status, [s for *_, s in places(one)]) == ("Failed", ["Failed", "Pending"])
    assert "TargetLocationMaxErrors was exceeded: 1 of 1" in one["FailureMessage"]
    (child,) = land.children(one, land.one)
    failed = one["StepExecutions"][0]
    assert f"The execution {child['AutomationExecutionId']} in {land.one}, {HERE}" in failed["FailureMessage"]
    assert failed["FailureDetails"]["FailureType"] == "Verification"
    assert land.children(one, land.two) == []
    both = land.start(name, location(land.one, land.two, TargetLocationMaxErrors="1"))
    assert (both.status, [s for *_, s in places(both)]) == ("Failed", ["Failed", "Failed"])
    allowed = land.start(name, location(land.one, land.two, TargetLocationMaxErrors="2"))
    assert (allowed.status, [s for *_, s in places(allowed)]) == ("Success", ["Failed", "Failed"])


def test_a_role_that_does_not_trust_or_is_not_there_fails_its_location_only(land, shop, house):
    iam = house.client("iam", land.keys[land.two])
    stranger = printed("execution-role-trust", ManagementAccountId="999999999999")
    iam.update_assume_role_policy(RoleName=EXECUTION, PolicyDocument=stranger)
    name = shop.write(put("a", "x"), **WITH_ROLE)
    try:
        one = land.start(name, location(land.two, land.one, TargetLocationMaxErrors="1"))
    finally:
        trust = printed("execution-role-trust", ManagementAccountId=land.account)
        iam.update_assume_role_policy(RoleName=EXECUTION, PolicyDocument=trust)
    assert (one.status, [s for *_, s in places(one)]) == ("Success", ["Failed", "Success"])
    failed = one["StepExecutions"][0]
    assert "AccessDenied" in failed["FailureMessage"] and "sts:AssumeRole" in failed["FailureMessage"]
    assert f"role/{EXECUTION}" in failed["FailureMessage"]
    assert failed["FailureDetails"]["FailureType"] == "Permission"
    for nowhere in ("123456789012", land.account):
        lacking = land.start(name, location(nowhere))
        assert (lacking.status, [s for *_, s in places(lacking)]) == ("Failed", ["Failed"])
        assert "AccessDenied" in lacking["StepExecutions"][0]["FailureMessage"]


def test_the_central_role_must_be_allowed_to_assume_the_other(land, shop):
    named = location(land.one, ExecutionRoleName="OrganizationAccountAccessRole")
    one = land.start(shop.write(put("a", "x"), **WITH_ROLE), named)
    assert one.status == "Failed"
    assert "AccessDenied" in one["StepExecutions"][0]["FailureMessage"]


def test_the_execution_role_must_trust_systems_manager_too(land, shop, house):
    iam = house.client("iam", land.keys[land.two])
    trust = json.loads(printed("execution-role-trust", ManagementAccountId=land.account))
    trust["Statement"] = trust["Statement"][:1]
    iam.update_assume_role_policy(RoleName=EXECUTION, PolicyDocument=json.dumps(trust))
    one = land.start(shop.write(put("a", "x"), **WITH_ROLE), location(land.two))
    trust = printed("execution-role-trust", ManagementAccountId=land.account)
    iam.update_assume_role_policy(RoleName=EXECUTION, PolicyDocument=trust)
    assert "The defined assume role is unable to be assumed" in one["StepExecutions"][0]["FailureMessage"]


def test_the_administration_role_must_be_one_that_can_be_assumed(land, shop, ssm):
    name = shop.write(put("a", "x"), **WITH_ROLE)
    wrong = {"AutomationAssumeRole": [f"arn:aws:iam::{land.one}:role/{EXECUTION}"]}
    where = [location(land.one)]
    error = refusal(
        ssm.start_automation_execution, DocumentName=name, Parameters=wrong, TargetLocations=where
    )
    assert error["Code"] == "InvalidAutomationExecutionParametersException"


def test_units_are_their_active_accounts_not_those_of_units_below(land, shop, house):
    upper = land.unit("upper")
    lower = land.unit("lower", upper)
    above, below, left_out = (
        land.member("above", upper),
        land.member("below", lower),
        land.member("out", upper),
    )
    name = shop.write(put("a", "x"), **WITH_ROLE)
    flat = land.start(name, location(upper, ExcludeAccounts=[left_out]))
    assert (flat.status, [a for a, *_ in places(flat)]) == ("Success", [above]), flat.get("FailureMessage")
    denied = land.start(name, location(upper, IncludeChildOrganizationUnits=True))
    assert denied.status == "Failed" and "StepExecutions" in denied and not denied["StepExecutions"]
    assert "organizations:ListOrganizationalUnitsForParent" in denied["FailureMessage"]
    house.client("iam").put_role_policy(
        RoleName=ADMINISTRATION, PolicyName="units", PolicyDocument=json.dumps(LISTS_UNITS)
    )
    deep = land.start(name, location(upper, IncludeChildOrganizationUnits=True, ExcludeAccounts=[left_out]))
    assert sorted(a for a, *_ in places(deep)) == sorted([above, below])
    without = land.start(name, location(upper, IncludeChildOrganizationUnits=True, ExcludeAccounts=[lower]))
    assert sorted(a for a, *_ in places(without)) == sorted([above, left_out])
    mixed = land.start(name, location(land.one, upper, ExcludeAccounts=[left_out]))
    assert [a for a, *_ in places(mixed)] == [land.one, above]
    nobody = land.start(name, location(lower, ExcludeAccounts=[below]))
    assert nobody.status == "Failed" and "mean no account" in nobody["FailureMessage"]
    missing = land.start(name, location("ou-abcd-12345678"))
    assert missing.status == "Failed" and "ParentNotFound" in missing["FailureMessage"]


def test_stopping_the_parent_stops_what_runs_in_the_locations(land, shop, ssm):
    name = shop.write(step("nap", inputs={"Duration": "PT1H"}), **WITH_ROLE)
    one = land.start(name, location(land.one, land.two))
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    assert shop.get(one.id).status == "Cancelling"
    land.house.tick()
    stopped = shop.get(one.id)
    assert (stopped.status, [s for *_, s in places(stopped)]) == ("Cancelled", ["Cancelled", "Pending"])
    (child,) = land.children(one, land.one)
    assert child["AutomationExecutionStatus"] == "Cancelled"
    again = refusal(ssm.stop_automation_execution, AutomationExecutionId=one.id)
    assert again["Code"] == "InvalidAutomationStatusUpdateException"


def test_targets_are_resolved_in_each_location_with_a_rate_control_of_their_own(land, shop):
    for region in (HERE, THERE):
        for name in ("web-1", "web-2"):
            land.ssm(land.one, region).put_parameter(
                Name=name, Value="x", Type="String", Tags=[{"Key": "Tier", "Value": "web"}]
            )
    name = shop.write(
        put("a", "found-{{ P }}"),
        assumeRole="{{ AutomationAssumeRole }}",
        parameters={**ROLE, "P": {"type": "String"}},
    )
    one = land.start(
        name,
        location(land.one, regions=[HERE, THERE]),
        Targets=[{"Key": "tag:Tier", "Values": ["web"]}],
        TargetParameterName="P",
        MaxConcurrency="1",
        MaxErrors="0",
    )
    assert one.status == "Success", one["StepExecutions"]
    (child,) = land.children(one, land.one, THERE)
    assert child["ResolvedTargets"]["ParameterValues"] == ["web-1", "web-2"]
    assert (child["MaxConcurrency"], child["MaxErrors"]) == ("1", "0")
    ssm = land.ssm(land.one, THERE)
    wanted = [{"Key": "ParentExecutionId", "Values": [child["AutomationExecutionId"]]}]
    found = ssm.describe_automation_executions(Filters=wanted)["AutomationExecutionMetadataList"]
    assert sorted(each["Target"] for each in found) == ["web-1", "web-2"]
    assert ssm.get_parameter(Name="found-web-2")["Parameter"]["Value"] == "x"
    own = [{"Key": "ParameterValues", "Values": ["other"]}]
    entry = location(land.one, Targets=own, TargetsMaxConcurrency="7", TargetsMaxErrors="3")
    other = land.start(name, entry, Targets=[{"Key": "tag:Tier", "Values": ["web"]}], TargetParameterName="P")
    (child,) = land.children(other, land.one)
    assert child["ResolvedTargets"]["ParameterValues"] == ["other"]
    assert (child["MaxConcurrency"], child["MaxErrors"]) == ("7", "3")
    assert other["StepExecutions"][0]["Targets"] == own


def test_a_group_that_is_missing_fails_its_location(land, shop):
    name = shop.write(
        put("a", "x"), assumeRole="{{ AutomationAssumeRole }}", parameters={**ROLE, "P": {"type": "String"}}
    )
    group = [{"Key": "ResourceGroup", "Values": ["nowhere"]}]
    one = land.start(name, location(land.one), Targets=group, TargetParameterName="P")
    assert one.status == "Failed"
    assert "There is no resource group nowhere" in one["StepExecutions"][0]["FailureMessage"]


def test_the_runbook_comes_along_unless_it_must_be_shared(land, shop, ssm):
    name = shop.write(put("a", "x"), **WITH_ROLE)
    arn = f"arn:aws:ssm:{HERE}:{land.account}:document/{name}"
    one = land.start(name, location(land.one, regions=[THERE]))
    (child,) = land.children(one, land.one, THERE)
    assert (child["DocumentName"], child["AutomationExecutionStatus"]) == (arn, "Success")
    setting = "/ssm/automation/require-shared-runbooks"
    ssm.update_service_setting(SettingId=setting, SettingValue="True")
    try:
        strict = land.start(name, location(land.one))
        assert strict.status == "Failed"
        assert "InvalidDocument" in strict["StepExecutions"][0]["FailureMessage"]
        ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToAdd=[land.one])
        assert land.start(name, location(land.one)).status == "Success"
    finally:
        ssm.reset_service_setting(SettingId=setting)


def test_a_runbook_deleted_meanwhile_runs_on_to_the_last_location(land, shop, ssm):
    name = shop.write(step("nap", inputs={"Duration": "PT10S"}), **WITH_ROLE)
    one = land.start(name, location(land.one, land.two))
    ssm.delete_document(Name=name)
    shop.later(10)
    shop.later(10)
    assert shop.get(one.id).status == "Success"


def test_a_role_written_in_the_runbook_never_runs_it_elsewhere(land, shop):
    name = shop.write(put("a", "as-written"), assumeRole=land.role)
    execution_id = shop.start(name, TargetLocations=[location(land.one)])
    land.house.tick()
    assert shop.get(execution_id).status == "Success"
    assert land.ssm(land.one).get_parameter(Name="as-written")["Parameter"]["Value"] == "x"


def test_without_a_role_it_goes_by_the_rights_of_who_began_it(land, shop):
    execution_id = shop.start(shop.write(put("a", "x")), TargetLocations=[location(land.one)])
    land.house.tick()
    assert shop.get(execution_id).status == "Success"
    many = [f"{number:012d}" for number in range(1, 51)]
    execution_id = shop.start(
        shop.write(put("a", "x")), TargetLocations=[location(*many, regions=[HERE, THERE, "eu-west-1"])]
    )
    land.house.tick()
    assert "need the administration role" in shop.get(execution_id)["FailureMessage"]


def test_a_step_begins_a_runbook_across_accounts_and_stops_it(land, shop, ssm):
    inner = shop.write(step("nap", inputs={"Duration": "PT1H"}), **WITH_ROLE)
    inputs = {
        "DocumentName": inner,
        "RuntimeParameters": {"AutomationAssumeRole": land.role},
        "TargetLocations": [location(land.one)],
    }
    one = shop.run(step("outer", "aws:executeAutomation", inputs))
    child_id = one.outputs("outer")["ExecutionId"][0]
    assert places(shop.get(child_id)) == [(land.one, HERE, "InProgress")]
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    land.house.tick()
    assert (shop.get(one.id).status, shop.get(child_id).status) == ("Cancelled", "Cancelled")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"TargetLocations": [{"Accounts": ["111122223333"]}]}, "Parameters", "both needed"),
        ({"TargetLocations": [location("12")]}, "Parameters", "neither an account"),
        ({"TargetLocations": [location("111122223333", regions=["mars-1"])]}, "Parameters", "mars-1"),
        ({"Mode": "Interactive"}, "Parameters", "Interactive"),
        (
            {
                "TargetLocations": [
                    location("1" * 12, TargetLocationAlarmConfiguration={"Alarms": [{"Name": "a"}]})
                ]
            },
            "Parameters",
            "CloudWatch",
        ),
        (
            {"TargetLocationsURL": "https://bucket.s3.us-east-1.amazonaws.com/x"},
            "Parameters",
            "TargetLocationsURL",
        ),
        ({"Targets": [{"Key": "tag:a", "Values": ["b"]}]}, "Parameters", "TargetParameterName"),
        (
            {"Targets": [{"Key": "x", "Values": ["b"]}], "TargetParameterName": "P"},
            "InvalidTarget",
            "target key",
        ),
        ({"Parameters": {"Unknown": ["x"]}}, "Parameters", "Unknown"),
    ],
)
def test_what_could_never_run_is_refused_at_once(land, shop, ssm, changes, code, words):
    name = shop.write(put("a", "x"), parameters={"P": {"type": "String", "default": "p"}})
    request = {"DocumentName": name, "TargetLocations": [location(land.one)]} | changes
    error = refusal(ssm.start_automation_execution, **request)
    assert code in error["Code"] and words in error["Message"], error


def test_only_who_may_pass_the_role_reaches_out_with_it(land, shop, house):
    iam = house.client("iam")
    iam.create_user(UserName="starter")
    allowed = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="starter", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="starter")["AccessKey"]
    starter = house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))
    error = refusal(
        starter.start_automation_execution,
        DocumentName=shop.write(put("a", "x"), **WITH_ROLE),
        Parameters={"AutomationAssumeRole": [land.role]},
        TargetLocations=[location(land.one)],
    )
    assert error["Code"] == "AccessDeniedException" and "iam:PassRole" in error["Message"]


def test_an_association_reaches_other_accounts(land, shop, ssm, house):
    name = shop.write(put("a", "by-association"), **WITH_ROLE)
    ssm.create_association(
        Name=name,
        Parameters={"AutomationAssumeRole": [land.role]},
        TargetLocations=[location(land.one, land.two, TargetLocationMaxConcurrency="2")],
    )
    house.tick()
    for account in (land.one, land.two):
        assert land.ssm(account).get_parameter(Name="by-association")["Parameter"]["Value"] == "x"


def test_an_association_has_targets_of_their_own_in_each_entry(land, shop, ssm, house):
    name = shop.write(
        put("a", "associated-{{ P }}"),
        assumeRole="{{ AutomationAssumeRole }}",
        parameters={**ROLE, "P": {"type": "String"}},
    )
    targets = [{"Key": "ParameterValues", "Values": ["x", "y"]}]
    ssm.create_association(
        Name=name,
        Parameters={"AutomationAssumeRole": [land.role]},
        AutomationTargetParameterName="P",
        TargetLocations=[location(land.one, Targets=targets, TargetsMaxConcurrency="2")],
    )
    house.tick()
    for value in ("x", "y"):
        assert land.ssm(land.one).get_parameter(Name=f"associated-{value}")["Parameter"]["Value"] == "x"
