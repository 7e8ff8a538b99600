"""Previews: what an execution would touch, told without beginning it."""

import pytest
from botocore.exceptions import ClientError

from tests.automations.shop import api, put, step

STATES = {"InstanceIds": ["{{ P }}"], "DesiredState": "stopped"}
P = {"parameters": {"P": {"type": "String"}}}


def preview(ssm, name, **inputs):
    begun = ssm.start_execution_preview(DocumentName=name, ExecutionInputs={"Automation": inputs})
    return ssm.get_execution_preview(ExecutionPreviewId=begun["ExecutionPreviewId"])


def refusal(call, **request):
    with pytest.raises(ClientError) as wrong:
        call(**request)
    return wrong.value.response["Error"]


def test_steps_are_counted_by_what_they_do_to_resources(ssm, shop):
    name = shop.write(
        step("stop", "aws:changeInstanceState", STATES),
        step("start", "aws:changeInstanceState", STATES | {"DesiredState": "running"}),
        put("write", "x"),
        api("read", "GetParameter", Name="x"),
        step("nap"),
        step("run", "aws:runCommand", {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["{{ P }}"]}),
        **P,
    )
    shown = preview(ssm, name, Parameters={"P": ["i-0a1b2c3d"]})
    assert shown["Status"] == "Success" and shown["EndedAt"]
    found = shown["ExecutionPreview"]["Automation"]
    assert found["StepPreviews"] == {"Mutating": 3, "NonMutating": 2, "Undetermined": 1}
    assert (found["Regions"], found["TotalAccounts"]) == (["us-east-1"], 1)
    assert ssm.describe_automation_executions()["AutomationExecutionMetadataList"] == []


def test_targets_are_counted_and_locations_named(ssm, shop):
    for name in ("previewed-1", "previewed-2"):
        ssm.put_parameter(Name=name, Value="x", Type="String", Tags=[{"Key": "Pre", "Value": "view"}])
    name = shop.write(step("nap"), **P)
    tagged = [{"Key": "tag:Pre", "Values": ["view"]}]
    found = preview(ssm, name, Targets=tagged, TargetParameterName="P")["ExecutionPreview"]["Automation"]
    assert found["TargetPreviews"] == [{"TargetType": "Any", "Count": 2}]
    places = [{"Accounts": ["111122223333", "444455556666"], "Regions": ["us-east-1", "eu-west-1"]}]
    found = preview(ssm, name, Parameters={"P": ["x"]}, TargetLocations=places)
    found = found["ExecutionPreview"]["Automation"]
    assert (found["Regions"], found["TotalAccounts"]) == (["us-east-1", "eu-west-1"], 2)


def test_targets_that_cannot_be_resolved_make_a_failed_preview(ssm, shop):
    missing = [{"Key": "ResourceGroup", "Values": ["nowhere"]}]
    shown = preview(ssm, shop.write(step("nap"), **P), Targets=missing, TargetParameterName="P")
    assert shown["Status"] == "Failed" and "nowhere" in shown["StatusMessage"]


def test_what_could_not_be_started_cannot_be_previewed(ssm, shop):
    name = shop.write(step("nap"), **P)
    units = [{"Accounts": ["ou-abcd-12345678"], "Regions": ["us-east-1"]}]
    for given in (
        {"DocumentName": "no-such-runbook"},
        {"DocumentName": "AWS-RunShellScript"},
        {"DocumentName": name},
        {"DocumentName": name, "ExecutionInputs": {"Automation": {"Parameters": {"Q": ["x"]}}}},
        {
            "DocumentName": name,
            "ExecutionInputs": {"Automation": {"Parameters": {"P": ["x"]}, "TargetLocations": units}},
        },
    ):
        assert refusal(ssm.start_execution_preview, **given)["Code"] == "ValidationException"
    unknown = refusal(ssm.get_execution_preview, ExecutionPreviewId="11111111-2222-3333-4444-555555555555")
    assert unknown["Code"] == "ResourceNotFoundException"


def test_previews_are_forgotten_after_a_day(ssm, shop):
    begun = ssm.start_execution_preview(DocumentName=shop.write(step("nap")))
    shop.later(25 * 3600)
    assert refusal(ssm.get_execution_preview, **{"ExecutionPreviewId": begun["ExecutionPreviewId"]})
