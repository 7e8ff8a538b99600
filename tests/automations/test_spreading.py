"""Rate control: one child per target, so many at once, an end when too many fail. Children of steps."""

import pytest

from tests.automations.shop import fails, put, step

P = {"parameters": {"P": {"type": "String"}, "Other": {"type": "String", "default": "o"}}}
VALUES = [{"Key": "ParameterValues", "Values": ["a", "b", "c", "d", "e"]}]


def children(ssm, execution_id):
    found = ssm.describe_automation_executions(
        Filters=[{"Key": "ParentExecutionId", "Values": [execution_id]}]
    )
    return sorted(found["AutomationExecutionMetadataList"], key=lambda each: each["Target"])


def spread(shop, name, targets=VALUES, **more):
    execution_id = shop.start(name, Targets=targets, TargetParameterName="P", **more)
    shop.house.tick()
    return shop.get(execution_id)


def test_each_target_has_a_child_of_its_own(shop, ssm):
    name = shop.write(put("a", "spread-{{ P }}", "{{ Other }}"), **P)
    one = spread(shop, name, Parameters={"Other": ["given"]})
    assert one.status == "Success", one.get("FailureMessage")
    assert one["ResolvedTargets"] == {"ParameterValues": ["a", "b", "c", "d", "e"], "Truncated": False}
    assert (one["MaxConcurrency"], one["MaxErrors"]) == ("10", "10")
    assert one["ProgressCounters"]["SuccessSteps"] == one["ProgressCounters"]["TotalSteps"] == 5
    found = children(ssm, one.id)
    assert [each["Target"] for each in found] == ["a", "b", "c", "d", "e"]
    assert {each["ParentAutomationExecutionId"] for each in found} == {one.id}
    assert shop.get(found[1]["AutomationExecutionId"])["Parameters"] == {"P": ["b"], "Other": ["given"]}
    assert ssm.get_parameter(Name="spread-e")["Parameter"]["Value"] == "given"


def test_errors_beyond_the_allowed_ones_begin_no_others(shop, ssm):
    name = shop.write(fails("bad"), **P)
    one = spread(shop, name, MaxConcurrency="1", MaxErrors="1")
    assert (one.status, [each["Target"] for each in children(ssm, one.id)]) == ("Failed", ["a", "b"])
    assert "MaxErrors was exceeded" in one["FailureMessage"]
    assert one["ProgressCounters"]["FailedSteps"] == 2


def test_below_the_threshold_the_parent_ends_well(shop, ssm):
    choices = [{"NextStep": "good", "Not": {"Variable": "{{ P }}", "StringEquals": "c"}}]
    name = shop.write(step("which", "aws:branch", {"Choices": choices}), fails("bad"), put("good", "x"), **P)
    one = spread(shop, name, MaxErrors="1")
    assert (one.status, len(children(ssm, one.id))) == ("Success", 5)


def test_concurrency_grows_as_children_end(shop, ssm):
    name = shop.write(step("nap", inputs={"Duration": "PT10S"}), **P)
    one = spread(shop, name, MaxConcurrency="3")

    def running():
        return [each["AutomationExecutionStatus"] for each in children(ssm, one.id)].count("InProgress")

    assert running() == 1
    shop.later(10)
    assert running() == 2
    shop.later(10)
    assert running() == 2
    assert shop.get(one.id).status == "InProgress"
    shop.later(10)
    assert shop.get(one.id).status == "Success"


def test_target_maps_pair_their_values(shop, ssm):
    name = shop.write(put("a", "paired-{{ P }}", "{{ Other }}"), **P)
    maps = [{"P": ["x"], "Other": ["1"]}, {"P": ["y"], "Other": ["2"]}]
    execution_id = shop.start(name, TargetMaps=maps, TargetParameterName="P")
    shop.house.tick()
    assert shop.get(execution_id).status == "Success"
    assert len(children(ssm, execution_id)) == 2
    assert [ssm.get_parameter(Name=f"paired-{n}")["Parameter"]["Value"] for n in "xy"] == ["1", "2"]


def test_a_child_that_its_target_does_not_fit_has_failed(shop, ssm):
    declared = {"P": {"type": "String", "allowedPattern": "^[a-d]$"}}
    name = shop.write(put("a", "x"), parameters=declared)
    one = spread(shop, name, MaxErrors="0")
    assert one.status == "Failed"
    last = children(ssm, one.id)[-1]
    assert (last["Target"], last["AutomationExecutionStatus"]) == ("e", "Failed")
    assert "does not match the pattern" in last["FailureMessage"]


def test_tags_choose_resources_and_the_target_type_narrows_them(shop, ssm):
    for name in ("tagged-1", "tagged-2"):
        ssm.put_parameter(Name=name, Value="x", Type="String", Tags=[{"Key": "Tier", "Value": "web"}])
    runbook = shop.write(put("a", "found-{{ P }}"), **P)
    ssm.add_tags_to_resource(
        ResourceType="Document", ResourceId=runbook, Tags=[{"Key": "Tier", "Value": "web"}]
    )
    targets = [{"Key": "tag:Tier", "Values": ["web"]}]
    one = spread(shop, runbook, targets)
    assert one["ResolvedTargets"]["ParameterValues"] == [runbook, "tagged-1", "tagged-2"]
    body = ssm.get_document(Name=runbook)["Content"]
    ssm.create_document(
        Name="narrowed", Content=body, DocumentType="Automation", TargetType="/AWS::SSM::Parameter"
    )
    assert spread(shop, "narrowed", targets)["ResolvedTargets"]["ParameterValues"] == ["tagged-1", "tagged-2"]
    nobody = spread(shop, runbook, [{"Key": "tag:Tier", "Values": ["none"]}])
    assert (nobody.status, nobody["ResolvedTargets"]["ParameterValues"]) == ("Success", [])


def test_a_group_chooses_its_members_with_the_right_to_list_them(shop, house, ssm):
    groups = house.client("resource-groups")
    query = '{"ResourceTypeFilters":["AWS::SSM::Parameter"],"TagFilters":[{"Key":"Grp","Values":["g"]}]}'
    groups.create_group(Name="of-parameters", ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": query})
    ssm.put_parameter(Name="grouped", Value="x", Type="String", Tags=[{"Key": "Grp", "Value": "g"}])
    name = shop.write(put("a", "x"), **P)
    one = spread(shop, name, [{"Key": "ResourceGroup", "Values": ["of-parameters"]}])
    assert one["ResolvedTargets"]["ParameterValues"] == ["grouped"]
    wanted = [{"Key": "TargetResourceGroup", "Values": ["of-parameters"]}]
    found = ssm.describe_automation_executions(Filters=wanted)["AutomationExecutionMetadataList"]
    assert one.id in [each["AutomationExecutionId"] for each in found]


def test_cancelling_the_parent_cancels_its_children(shop, ssm):
    name = shop.write(step("nap", inputs={"Duration": "PT1H"}), **P)
    one = spread(shop, name, MaxConcurrency="2")
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    assert shop.get(one.id).status == "Cancelled"
    assert [each["AutomationExecutionStatus"] for each in children(ssm, one.id)] == ["Cancelled"]


def child(name, document, **inputs):
    return step(name, "aws:executeAutomation", {"DocumentName": document, **inputs})


def test_a_step_runs_another_runbook_and_hands_on_its_outputs(shop, ssm):
    inner = shop.write(
        {
            "name": "get",
            "action": "aws:executeAwsApi",
            "inputs": {"Service": "ssm", "Api": "GetParameters", "Names": ["{{ P }}"]},
            "outputs": [{"Name": "Bad", "Selector": "$.InvalidParameters", "Type": "StringList"}],
        },
        outputs=["get.Bad"],
        **P,
    )
    one = shop.run(
        child("run", inner, RuntimeParameters={"P": "absent-one"}),
        put("next", "child-said", "{{ run.Output }} {{ run.Status }}"),
    )
    assert one.status == "Success", one.get("FailureMessage")
    assert one.outputs("run")["Output"] == ["absent-one"]
    inside = shop.get(one.outputs("run")["ExecutionId"][0])
    assert (inside.status, inside["ParentAutomationExecutionId"]) == ("Success", one.id)
    assert ssm.get_parameter(Name="child-said")["Parameter"]["Value"] == '["absent-one"] Success'


def test_a_child_that_fails_fails_its_step(shop):
    one = shop.run(child("run", shop.write(fails("bad"))))
    assert (one.status, one.outputs("run")["Status"]) == ("Failed", ["Failed"])
    assert "ended as Failed" in one["FailureMessage"]
    absent = shop.run(child("run", "no-such-runbook"))
    assert "AutomationDefinitionNotFoundException" in absent["FailureMessage"]


def test_a_child_is_stopped_with_its_parent(shop, ssm):
    one = shop.run(child("run", shop.write(step("nap", inputs={"Duration": "PT1H"}))))
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    assert shop.get(one.id).status == "Cancelled"
    assert shop.get(one.outputs("run")["ExecutionId"][0]).status == "Cancelled"


def test_a_step_may_spread_over_targets(shop, ssm):
    inner = shop.write(put("a", "deep-{{ P }}"), **P)
    one = shop.run(
        child(
            "run",
            inner,
            Targets=[{"Key": "ParameterValues", "Values": ["1", "2"]}],
            TargetParameterName="P",
            MaxConcurrency="1",
        )
    )
    assert one.status == "Success", one.get("FailureMessage")
    assert len(children(ssm, one.outputs("run")["ExecutionId"][0])) == 2


def test_runbooks_that_begin_one_another_end(shop, ssm):
    name = shop.write(child("again", "itself"))
    body = ssm.get_document(Name=name)["Content"]
    ssm.create_document(Name="itself", Content=body, DocumentType="Automation")
    execution_id = shop.start("itself")
    shop.house.tick()
    one = shop.get(execution_id)
    assert one.status == "Failed"
    assert "at most 10 deep" in one["FailureMessage"]


@pytest.mark.parametrize("most", [1])
def test_parents_that_wait_leave_their_room_to_their_children(shop, ssm, most):
    from hostreeve.capabilities import automations

    shop.stop_all()
    inner = shop.write(put("a", "x"))
    outer = shop.write(child("run", inner), put("b", "x"))
    automations.set_quotas({"automations-at-once": most})
    try:
        ids = [shop.start(outer) for _ in range(3)]
        shop.house.tick()
        assert [shop.get(each).status for each in ids] == ["Success"] * 3
    finally:
        automations.set_quotas({})
