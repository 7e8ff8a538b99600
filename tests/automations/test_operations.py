"""The operations: what they refuse, what they list, how executions are stopped and told something."""

import json

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities import automations
from tests.automations.shop import fails, put, step

PAUSE = step("hold", "aws:pause")


@pytest.fixture
def iam(house):
    return house.client("iam")


def test_a_runbook_that_goes_round_in_a_circle_is_refused_with_the_circle(ssm):
    body = {"schemaVersion": "0.3", "mainSteps": [step("a", nextStep="b"), step("b", nextStep="a")]}
    with pytest.raises(ssm.exceptions.InvalidDocumentContent, match="a -> b -> a"):
        ssm.create_document(Content=json.dumps(body), Name="circle", DocumentType="Automation")


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([step("a", inputs={"Duration": "{{ssm:x}}"})], "defaults of parameters only"),
        ([step("a"), step("a")], "already the name"),
        ([step("a", nextStep="c")], "no step 'c'"),
        ([step("a", inputs={"Duration": "{{ nothing }}"})], "no parameter or step"),
        ([step("a", onCancel="step:b"), step("b")], "cannot run then"),
        (
            [
                step(
                    "a",
                    "aws:branch",
                    {"Choices": [{"NextStep": "a", "Variable": "{{global:DATE}}", "Is": 1}]},
                )
            ],
            "operator",
        ),
        ([step("a", "aws:loop", {"Steps": [step("b")], "Iterators": ["x"]}, onCancel="Abort")], "has none"),
        (
            [step("a", "aws:loop", {"Steps": [step("b")], "Iterators": ["x"], "MaxIterations": 101})],
            "1 to 100",
        ),
        ([step("a", "aws:fly")], "must be one of"),
    ],
)
def test_what_cannot_be_run_is_refused_when_it_is_written(ssm, steps, why):
    body = {"schemaVersion": "0.3", "mainSteps": steps}
    with pytest.raises(ssm.exceptions.InvalidDocumentContent, match=why):
        ssm.create_document(Content=json.dumps(body), Name="refused", DocumentType="Automation")


def test_runbooks_can_be_written_in_yaml(ssm, shop):
    text = """
schemaVersion: "0.3"
mainSteps:
- name: a
  action: aws:sleep
  inputs: {Timestamp: "2020-01-01T00:00:00Z"}
"""
    ssm.create_document(Content=text, Name="in-yaml", DocumentType="Automation", DocumentFormat="YAML")
    execution_id = shop.start("in-yaml")
    shop.house.tick()
    assert shop.get(execution_id).status == "Success"


def test_what_is_not_there_is_not_found(ssm, shop):
    errors = ssm.exceptions
    with pytest.raises(errors.AutomationDefinitionNotFoundException):
        shop.start("no-such-runbook")
    with pytest.raises(errors.AutomationDefinitionNotFoundException, match="type Command"):
        shop.start("AWS-RunShellScript")
    name = shop.write(PAUSE)
    with pytest.raises(errors.AutomationDefinitionVersionNotFoundException):
        shop.start(name, DocumentVersion="7")
    absent = {"AutomationExecutionId": "12345678-1234-4234-8234-123456789012"}
    for call in (
        ssm.get_automation_execution,
        ssm.stop_automation_execution,
        ssm.describe_automation_step_executions,
    ):
        with pytest.raises(errors.AutomationExecutionNotFoundException):
            call(**absent)
    with pytest.raises(errors.AutomationExecutionNotFoundException):
        ssm.send_automation_signal(**absent, SignalType="Approve")


PARAMETERS = {
    "Operation": {"type": "String", "allowedValues": ["Scan", "Install"]},
    "Snapshot": {"type": "String", "default": "", "allowedPattern": "^$|^[0-9]+$"},
    "InstanceId": {"type": "String", "default": "i"},
}


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {}),
        ({"Operation": ["Foo"]}, {}),
        ({"Operation": ["Scan"], "Snapshot": ["xyz"]}, {}),
        ({"Operation": ["Scan"], "Other": ["x"]}, {}),
        ({"Operation": ["Scan", "Install"]}, {}),
        ({"Operation": ["Scan"]}, {"TargetParameterName": "InstanceId"}),
        ({"Operation": ["Scan"]}, {"MaxErrors": "1"}),
        ({"Operation": ["Scan"]}, {"Targets": [{"Key": "ParameterValues", "Values": ["a"]}]}),
        (
            {"Operation": ["Scan"]},
            {"Targets": [{"Key": "ParameterValues", "Values": ["a"]}], "TargetParameterName": "instanceid"},
        ),
        (
            {"Operation": ["Scan"], "InstanceId": ["x"]},
            {"Targets": [{"Key": "ParameterValues", "Values": ["a"]}], "TargetParameterName": "InstanceId"},
        ),
        ({"Operation": ["Scan"]}, {"TargetMaps": [{"Colour": ["a"]}]}),
        (
            {"Operation": ["Scan"]},
            {
                "TargetMaps": [{"InstanceId": ["a"]}],
                "Targets": [{"Key": "ParameterValues", "Values": ["a"]}],
                "TargetParameterName": "InstanceId",
            },
        ),
        (
            {"Operation": ["Scan"]},
            {"TargetLocations": [{"Accounts": ["222222222222"], "Regions": ["mars-1"]}]},
        ),
        ({"Operation": ["Scan"]}, {"AlarmConfiguration": {"Alarms": [{"Name": "a"}]}}),
    ],
)
def test_what_does_not_fit_the_runbook_is_refused(ssm, shop, given, more):
    name = shop.write(put("a", "x"), parameters=PARAMETERS)
    with pytest.raises(ssm.exceptions.InvalidAutomationExecutionParametersException):
        shop.start(name, **({"Parameters": given} if given else {}), **more)


@pytest.mark.parametrize(
    "target",
    [
        {"Key": "Colour", "Values": ["a"]},
        {"Key": "ResourceGroup", "Values": ["no-such-group"]},
        {"Key": "ResourceGroup", "Values": ["a", "b"]},
        {"Key": "tag:Env", "Values": []},
        {"Key": "InstanceIds", "Values": ["*", "mi-1"]},
        {"Key": "ParameterValues", "Values": [str(n) for n in range(51)]},
    ],
)
def test_targets_that_mean_nobody_are_refused(ssm, shop, target):
    name = shop.write(put("a", "x"), parameters={"P": {"type": "String"}})
    with pytest.raises((ssm.exceptions.InvalidTarget, ClientError)) as refused:
        shop.start(name, Targets=[target], TargetParameterName="P")
    assert refused.value.response["Error"]["Code"] in ("InvalidTarget", "ValidationException")


def test_a_client_token_begins_one_execution(ssm, shop):
    name, token = (
        shop.write(PAUSE, parameters={"P": {"type": "String", "default": "a"}}),
        "A" * 8 + "-1111-4111-8111-" + "b" * 12,
    )
    first = shop.start(name, ClientToken=token)
    assert shop.start(name, ClientToken=token.lower()) == first
    with pytest.raises(ssm.exceptions.IdempotentParameterMismatch):
        shop.start(name, ClientToken=token, Parameters={"P": ["b"]})
    ssm.stop_automation_execution(AutomationExecutionId=first)


def test_an_execution_is_stopped_by_way_of_its_on_cancel(ssm, shop):
    one = shop.run(
        put("a", "x"),
        step("rest", inputs={"Duration": "PT1H"}, onCancel="step:cleanup"),
        put("never", "never"),
        put("cleanup", "cleaned"),
    )
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    assert shop.get(one.id).status == "Cancelling"
    with pytest.raises(ssm.exceptions.InvalidAutomationStatusUpdateException):
        ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    one = shop.get(one.id)
    assert one.status == "Cancelled"
    assert one.steps == {"a": "Success", "rest": "Cancelled", "never": "Pending", "cleanup": "Success"}
    with pytest.raises(ssm.exceptions.InvalidAutomationStatusUpdateException):
        ssm.stop_automation_execution(AutomationExecutionId=one.id)


def test_a_cancellation_has_two_minutes(ssm, shop):
    wait = {
        "Service": "ssm",
        "Api": "GetParameters",
        "Names": ["x"],
        "PropertySelector": "$.InvalidParameters[0]",
        "DesiredValues": ["never"],
    }
    one = shop.run(
        step("rest", inputs={"Duration": "PT1H"}, onCancel="step:slow"),
        step("slow", "aws:waitForAwsResourceProperty", wait),
    )
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    shop.later(119)
    assert shop.get(one.id).status == "Cancelling"
    shop.later(1)
    assert shop.get(one.id).steps == {"rest": "Cancelled", "slow": "Cancelled"}
    assert shop.get(one.id).status == "Cancelled"


def test_without_on_cancel_it_is_over_at_once(ssm, shop):
    one = shop.run(step("rest", inputs={"Duration": "PT1H"}), put("next", "x"))
    ssm.stop_automation_execution(AutomationExecutionId=one.id, Type="Cancel")
    shop.house.tick()
    assert (shop.get(one.id).status, shop.get(one.id).steps) == (
        "Cancelled",
        {"rest": "Cancelled", "next": "Pending"},
    )


def test_complete_is_for_interactive_executions(ssm, shop):
    one = shop.run(step("rest", inputs={"Duration": "PT1H"}))
    with pytest.raises(ssm.exceptions.InvalidAutomationStatusUpdateException):
        ssm.stop_automation_execution(AutomationExecutionId=one.id, Type="Complete")
    ssm.stop_automation_execution(AutomationExecutionId=one.id)


def test_an_interactive_execution_waits_between_its_steps(ssm, shop):
    one = shop.run(put("stop", "x"), put("start", "x"), put("other", "x"), _start={"Mode": "Interactive"})
    signal = {"AutomationExecutionId": one.id, "SignalType": "StartStep"}
    assert (one.status, one["Mode"]) == ("Waiting", "Interactive")
    with pytest.raises(ssm.exceptions.InvalidAutomationSignalException):
        ssm.send_automation_signal(**signal, Payload={"StepName": ["start"]})
    with pytest.raises(ssm.exceptions.AutomationStepNotFoundException):
        ssm.send_automation_signal(**signal, Payload={"StepName": ["nothing"]})
    ssm.send_automation_signal(**signal, Payload={"StepName": ["stop"]})
    shop.house.tick()
    one = shop.get(one.id)
    assert (one.status, one.steps) == ("Waiting", {"stop": "Success", "start": "Pending", "other": "Pending"})
    assert one.step("stop")["ValidNextSteps"] == ["start"]
    ssm.stop_automation_execution(AutomationExecutionId=one.id, Type="Complete")
    shop.house.tick()
    assert shop.get(one.id).status == "Success"


def test_a_running_step_of_an_interactive_execution_can_be_stopped(ssm, shop):
    one = shop.run(
        step("rest", inputs={"Duration": "PT1H"}), put("next", "x"), _start={"Mode": "Interactive"}
    )
    ssm.send_automation_signal(
        AutomationExecutionId=one.id, SignalType="StartStep", Payload={"StepName": ["rest"]}
    )
    shop.house.tick()
    one = shop.get(one.id)
    assert one.steps["rest"] == "InProgress"
    stop = {"AutomationExecutionId": one.id, "SignalType": "StopStep"}
    with pytest.raises(ssm.exceptions.AutomationStepNotFoundException):
        ssm.send_automation_signal(**stop, Payload={"StepExecutionId": ["12345678"]})
    with pytest.raises(ssm.exceptions.InvalidAutomationSignalException):
        ssm.send_automation_signal(**stop, Payload={"StepExecutionId": [one.step("next")["StepExecutionId"]]})
    ssm.send_automation_signal(**stop, Payload={"StepExecutionId": [one.step("rest")["StepExecutionId"]]})
    shop.house.tick()
    one = shop.get(one.id)
    assert (one.status, one.steps["rest"]) == ("Waiting", "Cancelled")


def test_a_pause_ends_with_resume(ssm, shop):
    one = shop.run(step("rest"), PAUSE, put("next", "x"))
    resume = {"AutomationExecutionId": one.id, "SignalType": "Resume"}
    with pytest.raises(ssm.exceptions.InvalidAutomationSignalException):
        ssm.send_automation_signal(**resume, Payload={"StepName": ["hold"]})
    shop.later(1)
    assert (shop.get(one.id).status, shop.get(one.id).steps["hold"]) == ("Waiting", "Waiting")
    with pytest.raises(ssm.exceptions.AutomationStepNotFoundException):
        ssm.send_automation_signal(**resume, Payload={"StepName": ["nothing"]})
    with pytest.raises(ssm.exceptions.InvalidAutomationSignalException):
        ssm.send_automation_signal(**resume, Payload={"StepName": ["next"]})
    with pytest.raises(ssm.exceptions.InvalidAutomationSignalException):
        ssm.send_automation_signal(**resume)
    ssm.send_automation_signal(**resume, Payload={"StepName": ["hold"]})
    shop.house.tick()
    assert shop.get(one.id).status == "Success"


@pytest.mark.parametrize("kind", ["Approve", "Reject", "Revoke", "StartStep", "StopStep", "Resume"])
def test_a_signal_that_nothing_waits_for_is_refused(ssm, shop, kind):
    one = shop.run(step("rest", inputs={"Duration": "PT1H"}))
    with pytest.raises(ssm.exceptions.InvalidAutomationSignalException):
        ssm.send_automation_signal(
            AutomationExecutionId=one.id, SignalType=kind, Payload={"StepName": ["rest"]}
        )
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    with pytest.raises(ssm.exceptions.InvalidAutomationSignalException):
        ssm.send_automation_signal(
            AutomationExecutionId=one.id, SignalType=kind, Payload={"StepName": ["rest"]}
        )


def user(house, name):
    """A user who may do everything; their client and ARN."""
    iam = house.client("iam")
    try:
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    except iam.exceptions.EntityAlreadyExistsException:
        arn = iam.get_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"])), arn


def test_an_approval_needs_as_many_different_approvers_as_it_says(house, shop):
    (ann, ann_arn), (bob, _), (eve, _) = (user(house, name) for name in ("ann", "bob", "eve"))
    one = shop.run(
        step(
            "ask",
            "aws:approve",
            {"Approvers": [ann_arn, "bob"], "MinRequiredApprovals": 2, "Message": "May we?"},
        ),
        put("next", "x"),
    )
    approve = {"AutomationExecutionId": one.id, "SignalType": "Approve"}
    assert (one.status, one.outputs("ask")) == (
        "Waiting",
        {"ApprovalStatus": ["Waiting"], "ApproverDecisions": []},
    )
    assert one.step("ask")["TimeoutSeconds"] == 604_800
    ann.send_automation_signal(**approve)
    ann.send_automation_signal(**approve)
    shop.house.tick()
    assert shop.get(one.id).status == "Waiting"
    with pytest.raises(eve.exceptions.InvalidAutomationSignalException, match="not one of the approvers"):
        eve.send_automation_signal(**approve)
    bob.send_automation_signal(**approve, Payload={"Comment": ["fine"]})
    shop.house.tick()
    one = shop.get(one.id)
    assert (one.status, one.outputs("ask")["ApprovalStatus"]) == ("Success", ["Approved"])
    assert [json.loads(each)["comment"] for each in one.outputs("ask")["ApproverDecisions"]] == ["", "fine"]


def test_one_rejection_fails_the_step(house, shop):
    ann, _ = user(house, "ann")
    one = shop.run(step("ask", "aws:approve", {"Approvers": ["ann"]}), put("next", "x"))
    ann.send_automation_signal(AutomationExecutionId=one.id, SignalType="Reject", Payload={"Comment": ["no"]})
    shop.house.tick()
    one = shop.get(one.id)
    assert (one.status, one.steps) == ("Failed", {"ask": "Failed", "next": "Pending"})
    assert one.outputs("ask")["ApprovalStatus"] == ["Rejected"]
    assert "no" in one["FailureMessage"]


def test_an_approval_that_nobody_gives_times_out_after_a_week(shop):
    one = shop.run(step("ask", "aws:approve", {"Approvers": ["nobody"]}))
    shop.later(604_799)
    assert shop.get(one.id).status == "Waiting"
    shop.later(1)
    assert shop.get(one.id).status == "TimedOut"


@pytest.mark.parametrize(
    "inputs",
    [
        {"Approvers": []},
        {"Approvers": ["a"] * 11},
        {"Approvers": ["a"], "MinRequiredApprovals": 2},
        {"Approvers": ["a"], "NotificationArn": "arn:aws:sns:us-east-1:111111111111:Other"},
        {"Approvers": ["a"], "Message": "x" * 4097},
    ],
)
def test_an_approval_that_cannot_be_given_fails(shop, inputs):
    one = shop.run(step("ask", "aws:approve", inputs))
    assert one.step("ask")["FailureDetails"]["FailureStage"] == "InputValidation"


@pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
def test_executions_are_listed_by_every_filter(ssm, shop):
    name = shop.write(step("rest", inputs={"Duration": "PT1H"}))
    one = shop.start(name, Tags=[{"Key": "team", "Value": "blue"}])
    bad = shop.run(fails("bad")).id
    shop.house.tick()

    def found(**filters):
        listed = [
            {"Key": key, "Values": [value] if isinstance(value, str) else value}
            for key, value in filters.items()
        ]
        pages = ssm.get_paginator("describe_automation_executions").paginate(
            **({"Filters": listed} if listed else {}), PaginationConfig={"PageSize": 3}
        )
        return [
            each["AutomationExecutionId"]
            for page in pages
            for each in page["AutomationExecutionMetadataList"]
        ]

    assert found(ExecutionId=one) == [one]
    assert found(DocumentNamePrefix=name) == [one]
    assert found(DocumentNamePrefix=["nothing", name[:-1]], ExecutionId=one) == [one]
    assert found(ExecutionStatus="Failed", ExecutionId=[one, bad]) == [bad]
    assert found(CurrentAction="aws:sleep", DocumentNamePrefix=name) == [one]
    assert found(TagKey="team") == [one]
    assert found(TagKey="nothing") == []
    assert found(AutomationType="Local", ExecutionId=one) == [one]
    assert found(AutomationType="CrossAccount", ExecutionId=one) == []
    assert found(StartTimeAfter="2027-01-01T00:00:00Z", ExecutionId=one) == [one]
    assert found(StartTimeBefore="2027-01-01T00:00:00Z", ExecutionId=one) == []
    assert found(AutomationSubtype="ChangeRequest") == []
    assert found(OpsItemId="oi-1") == []
    assert found(TargetResourceGroup="x") == []
    assert {one, bad} <= set(found())
    with pytest.raises(ssm.exceptions.InvalidFilterValue):
        found(ExecutionStatus="Flying")
    with pytest.raises(ssm.exceptions.InvalidFilterValue):
        found(StartTimeAfter="soon")
    with pytest.raises(ssm.exceptions.InvalidNextToken):
        ssm.describe_automation_executions(NextToken="x")
    ssm.stop_automation_execution(AutomationExecutionId=one)
    shop.house.tick()


@pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
def test_steps_are_listed_by_every_filter_both_ways(ssm, shop):
    one = shop.run(put("a", "x"), put("b", "x"), fails("c", onFailure="Continue"), put("d", "x"))

    def found(reverse=False, **filters):
        listed = [{"Key": key, "Values": [value]} for key, value in filters.items()]
        pages = ssm.get_paginator("describe_automation_step_executions").paginate(
            AutomationExecutionId=one.id,
            **({"Filters": listed} if listed else {}),
            ReverseOrder=reverse,
            PaginationConfig={"PageSize": 2},
        )
        return "".join(each["StepName"] for page in pages for each in page["StepExecutions"])

    assert found() == "abcd"
    assert found(reverse=True) == "dcba"
    assert found(StepExecutionStatus="Failed") == "c"
    assert found(StepName="b") == "b"
    assert found(Action="aws:executeAwsApi", StepExecutionStatus="Success") == "abd"
    assert found(StepExecutionId=one.step("d")["StepExecutionId"]) == "d"
    assert found(StartTimeAfter="2027-01-01T00:00:00Z") == "abcd"
    assert found(StartTimeBefore="2027-01-01T00:00:00Z") == ""


@pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
def test_no_more_run_at_once_than_may_and_the_others_wait_their_turn(ssm, shop):
    name = shop.write(step("rest", inputs={"Duration": "PT1H"}))
    shop.stop_all()
    automations.set_quotas(
        {"automations-at-once": 3, "automations-at-once-adaptive": 5, "automations-queued": 4}
    )
    try:
        ids = []
        for _ in range(7):
            ids.append(shop.start(name))
            shop.house.world.advance(1)
        with pytest.raises(ssm.exceptions.AutomationExecutionLimitExceededException):
            shop.start(name)
        shop.house.tick()
        assert [shop.get(each).status for each in ids] == ["InProgress"] * 3 + ["Pending"] * 4
        ssm.stop_automation_execution(AutomationExecutionId=ids[0])
        ssm.stop_automation_execution(AutomationExecutionId=ids[6])
        shop.house.tick()
        assert [shop.get(each).status for each in ids] == ["Cancelled"] + ["InProgress"] * 3 + [
            "Pending"
        ] * 2 + ["Cancelled"]
        ssm.update_service_setting(
            SettingId="/ssm/automation/enable-adaptive-concurrency", SettingValue="True"
        )
        ssm.stop_automation_execution(AutomationExecutionId=ids[1])
        shop.house.tick()
        assert [shop.get(each).status for each in ids[2:6]] == ["InProgress"] * 4
    finally:
        automations.set_quotas({})
        ssm.reset_service_setting(SettingId="/ssm/automation/enable-adaptive-concurrency")
        for each in ids[2:6]:
            ssm.stop_automation_execution(AutomationExecutionId=each)
        shop.house.tick()


def role(iam, name, service="ssm.amazonaws.com", *, allows=("ssm:*",)):
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    allow(iam.put_role_policy, {"RoleName": name}, *allows)
    return arn


def allow(put_policy, whom, *actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    put_policy(
        **whom, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


WITH_ROLE = {
    "parameters": {"AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn", "default": ""}},
    "assumeRole": "{{ AutomationAssumeRole }}",
}


def test_a_runbook_acts_as_the_role_that_it_assumes(iam, shop):
    arn = role(iam, "runner", allows=("ssm:GetParameters",))
    name = shop.write(
        put("may_not", "x", onFailure="Continue"),
        {
            "name": "may",
            "action": "aws:executeAwsApi",
            "inputs": {"Service": "ssm", "Api": "GetParameters", "Names": ["x"]},
        },
        **WITH_ROLE,
    )
    execution_id = shop.start(name, Parameters={"AutomationAssumeRole": [arn]})
    shop.house.tick()
    one = shop.get(execution_id)
    assert one.steps == {"may_not": "Failed", "may": "Success"}
    assert "assumed-role/runner/Automation-" in one.step("may_not")["FailureMessage"]
    assert one.step("may_not")["FailureDetails"]["FailureType"] == "Permission"
    without = shop.start(name)
    shop.house.tick()
    assert shop.get(without).steps == {"may_not": "Success", "may": "Success"}


def test_a_role_that_cannot_be_assumed_is_refused(iam, shop, ssm):
    name = shop.write(put("a", "x"), **WITH_ROLE)
    refused = ssm.exceptions.InvalidAutomationExecutionParametersException
    other = role(iam, "for-ec2", "ec2.amazonaws.com")
    with pytest.raises(refused, match="unable to be assumed"):
        shop.start(name, Parameters={"AutomationAssumeRole": [other]})
    with pytest.raises(refused, match="unable to be assumed"):
        shop.start(name, Parameters={"AutomationAssumeRole": [other.replace("for-ec2", "nobody")]})
    with pytest.raises(refused):
        shop.start(name, Parameters={"AutomationAssumeRole": ["runner"]})


def test_who_may_not_pass_the_role_cannot_begin(iam, house, shop, ssm):
    arn = role(iam, "passed")
    name = shop.write(put("a", "x"), **WITH_ROLE)
    iam.create_user(UserName="starter")
    key = iam.create_access_key(UserName="starter")["AccessKey"]
    starter = house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))

    def refusal():
        with pytest.raises(ClientError) as refused:
            starter.start_automation_execution(DocumentName=name, Parameters={"AutomationAssumeRole": [arn]})
        return refused.value.response["Error"]

    assert refusal()["Code"] == "AccessDeniedException"
    assert "ssm:StartAutomationExecution" in refusal()["Message"]
    allow(iam.put_user_policy, {"UserName": "starter"}, "ssm:StartAutomationExecution")
    assert refusal()["Code"] == "AccessDeniedException"
    assert "iam:PassRole" in refusal()["Message"]
    allow(iam.put_user_policy, {"UserName": "starter"}, "ssm:StartAutomationExecution", "iam:PassRole")
    starter.start_automation_execution(DocumentName=name, Parameters={"AutomationAssumeRole": [arn]})
    shop.house.tick()


def test_an_execution_goes_on_as_the_session_that_began_it_with_the_rights_that_it_has_by_now(
    iam, house, shop
):
    """Session policies limit it too, and what the role loses it has lost."""
    account = house.client("sts").get_caller_identity()["Account"]
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="session", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allow(iam.put_role_policy, {"RoleName": "session"}, "ssm:*")
    limits = {
        "Effect": "Allow",
        "Action": ["ssm:StartAutomationExecution", "ssm:GetParameters"],
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [limits]})
    given = house.client("sts").assume_role(RoleArn=arn, RoleSessionName="me", Policy=policy)["Credentials"]
    theirs = house.client("ssm", (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))
    look = {
        "name": "look",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "ssm", "Api": "GetParameters", "Names": ["x"]},
    }
    name = shop.write(put("limited", "x", onFailure="Continue"), look, step("nap"), {**look, "name": "again"})
    execution_id = theirs.start_automation_execution(DocumentName=name)["AutomationExecutionId"]
    house.tick()
    assert shop.get(execution_id).steps == {
        "limited": "Failed",
        "look": "Success",
        "nap": "InProgress",
        "again": "Pending",
    }
    assert shop.get(execution_id)["ExecutedBy"].endswith(":assumed-role/session/me")
    allow(iam.put_role_policy, {"RoleName": "session"}, "s3:*")
    shop.later(1)
    assert shop.get(execution_id).steps["again"] == "Failed"


def test_an_execution_goes_on_as_its_user_for_twelve_hours(shop):
    one = shop.run(step("rest", inputs={"Duration": "PT12H"}), put("late", "x"))
    shop.later(12 * 3600)
    one = shop.get(one.id)
    assert one.status == "Failed"
    assert "ExpiredTokenException" in one.step("late")["FailureMessage"]


def test_history_is_forgotten_after_thirty_days(shop, ssm):
    one = shop.run(put("a", "x"))
    shop.later(31 * 86_400)
    with pytest.raises(ssm.exceptions.AutomationExecutionNotFoundException):
        shop.get(one.id)


def test_spaces_behind_the_commas_of_printed_parameters_do_no_harm(shop):
    """`--parameters "A=1, B=2"`, as a talk prints it, arrives with a name that begins with a space."""
    declared = {name: {"type": "String"} for name in ("A", "B")}
    one = shop.run(put("a", "x"), parameters=declared, _start={"Parameters": {"A": ["1"], " B": ["2"]}})
    assert one["Parameters"] == {"A": ["1"], "B": ["2"]}
