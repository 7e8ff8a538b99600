"""Runbooks run: the order of steps, failures, values, and what is shown of it all."""

import pytest

from tests.automations.shop import api, fails, put, step


def test_steps_are_done_in_order_and_the_execution_ends_well(shop, ssm):
    one = shop.run(
        put("first", "order-a", "1"),
        api("second", "GetParameter", Name="order-a", outputs=[("Value", "$.Parameter.Value", "String")]),
        put("third", "order-b", "{{ second.Value }}"),
    )
    assert one.status == "Success"
    assert one.steps == {"first": "Success", "second": "Success", "third": "Success"}
    assert ssm.get_parameter(Name="order-b")["Parameter"]["Value"] == "1"
    assert one.outputs("second") == {"Value": ["1"]}
    assert one["ExecutionEndTime"] >= one["ExecutionStartTime"]
    assert one["ExecutedBy"].endswith("user/admin") or ":user/" in one["ExecutedBy"]


def test_a_caught_failure_ends_failed_and_what_was_skipped_stays_pending(shop):
    one = shop.run(
        fails("bad", onFailure="step:fix"),
        put("never", "never"),
        step("fix", isEnd=True),
    )
    assert one.steps == {"bad": "Failed", "never": "Pending", "fix": "InProgress"}
    shop.later(1)
    one = shop.get(one.id)
    assert (one.status, one.steps) == ("Failed", {"bad": "Failed", "never": "Pending", "fix": "Success"})
    assert "ParameterNotFound" in one["FailureMessage"]


def test_a_caught_failure_that_does_not_count_ends_well(shop):
    one = shop.run(fails("bad", onFailure="step:fix", isCritical=False), put("never", "x"), put("fix", "x"))
    assert (one.status, one.steps["never"]) == ("Success", "Pending")


def test_an_ignored_failure_goes_on_and_does_not_count(shop):
    one = shop.run(fails("bad", onFailure="Continue"), put("next", "x"))
    assert (one.status, one.steps) == ("Success", {"bad": "Failed", "next": "Success"})
    assert one.step("bad")["IsCritical"] is False


def test_an_uncaught_failure_aborts(shop):
    one = shop.run(fails("bad"), put("next", "x"))
    assert (one.status, one.steps) == ("Failed", {"bad": "Failed", "next": "Pending"})
    details = one.step("bad")["FailureDetails"]
    assert details["FailureStage"] == "Invocation"
    assert details["FailureType"] == "Action"
    assert details["Details"] == {"ErrorCode": ["ParameterNotFound"]}


def test_nothing_stays_of_a_call_that_failed(shop, ssm):
    one = shop.run(
        api(
            "bad",
            "AddTagsToResource",
            ResourceType="Parameter",
            ResourceId="no-such",
            Tags=[{"Key": "a", "Value": "b"}],
        )
    )
    assert one.status == "Failed"


def test_inputs_are_shown_as_json_and_outputs_as_lists(shop):
    one = shop.run(put("first", "shown", "a"), api("second", "GetParameters", Names=["shown"]))
    assert one.step("first")["Inputs"]["Name"] == '"shown"'
    assert one.step("first")["Inputs"]["Overwrite"] == "true"
    assert "HIDDEN" in one.step("first")["Inputs"]["Value"], (
        "a value of Parameter Store is secret in AWS's model"
    )
    assert one.step("second")["Inputs"]["Names"] == '["shown"]'


def test_a_step_is_tried_again_as_often_as_it_says(shop):
    one = shop.run(fails("bad", maxAttempts=3, onFailure="Continue"), put("next", "x"))
    assert one.status == "Success"
    assert one.step("bad")["MaxAttempts"] == 3


def test_an_input_without_a_value_fails_before_anything_is_done(shop):
    one = shop.run(
        api("first", "GetParameters", Names=["a"], outputs=[("Names", "$.InvalidParameters", "StringList")]),
        fails("bad", onFailure="Continue"),
        put("second", "x", "{{ bad.Nothing }}"),
    )
    assert one.status == "Failed"
    assert one.step("second")["FailureDetails"]["FailureStage"] == "InputValidation"
    assert "validating and resolving the step inputs" in one.step("second")["FailureMessage"]


def test_an_output_of_the_wrong_type_fails_the_step(shop):
    one = shop.run(api("a", "GetParameters", Names=["a"], outputs=[("N", "$.InvalidParameters", "String")]))
    assert (one.status, one.steps) == ("Failed", {"a": "Failed"})


def test_an_output_that_the_answer_does_not_have_fails_the_step(shop):
    one = shop.run(api("a", "GetParameters", Names=["a"], outputs=[("N", "$.Nothing", "String")]))
    assert one.status == "Failed"


def test_a_list_of_one_is_taken_for_its_element_and_the_other_way_round(shop):
    one = shop.run(
        put("put", "coerced", "v"),
        api(
            "list",
            "GetParameters",
            Names="coerced",
            outputs=[("Values", "$.Parameters[*].Name", "StringList")],
        ),
        api(
            "get", "GetParameter", Name="{{ list.Values }}", outputs=[("Value", "Parameter.Value", "String")]
        ),
        api(
            "nested", "GetParameters", Names=["{{ list.Values }}"], outputs=[("V", "$..Value", "StringList")]
        ),
        outputs=["get.Value", "nested.V"],
    )
    assert one.status == "Success", one.get("FailureMessage")
    assert one["Outputs"] == {"get.Value": ["v"], "nested.V": ["v"]}


def test_outputs_of_steps_that_were_not_done_say_so(shop):
    one = shop.run(
        fails("bad", onFailure="step:last"),
        api("skipped", "GetParameters", Names=["a"]),
        put("last", "x"),
        outputs=["skipped.X"],
    )
    assert one["Outputs"]["skipped.X"][0].startswith("No output available yet")


def test_system_variables_are_evaluated_at_each_use(shop, ssm):
    one = shop.run(
        put("first", "times-1", "{{ global:DATE_TIME }}"),
        step("rest", inputs={"Duration": "PT90S"}),
        put("second", "times-2", "{{ global:DATE_TIME }}"),
        put(
            "third",
            "facts",
            "{{global:DATE}} {{global:REGION}} {{global:AWS_PARTITION}} {{automation:EXECUTION_ID}}",
        ),
    )
    shop.later(90)
    assert shop.get(one.id).status == "Success"
    first, second = (ssm.get_parameter(Name=f"times-{n}")["Parameter"]["Value"] for n in (1, 2))
    assert first < second
    assert len(first) == len("2027-01-15_08.00.00")
    assert ssm.get_parameter(Name="facts")["Parameter"]["Value"].endswith(f"us-east-1 aws {one.id}")


def test_parameters_of_all_types_keep_them(shop, ssm):
    parameters = {
        "Text": {"type": "String"},
        "Texts": {"type": "StringList", "default": ["a", "b"]},
        "Number": {"type": "Integer", "default": 5},
        "Flag": {"type": "Boolean", "default": True},
        "Map": {"type": "StringMap", "default": {}},
        "Maps": {"type": "MapList", "default": []},
        "Node": {"type": "AWS::EC2::Instance::Id", "default": ""},
    }
    one = shop.run(
        put("all", "typed", "{{Text}} {{Texts}} {{Number}} {{Flag}} {{Map}} {{Maps}}"),
        api("list", "GetParameters", Names="{{ Texts }}"),
        _start={
            "Parameters": {"Text": ["t"], "Map": ['{"k": 1}'], "Maps": ['{"a": "b"}', "{}"], "Number": ["7"]}
        },
        parameters=parameters,
    )
    assert one.status == "Success", one.get("FailureMessage")
    value = ssm.get_parameter(Name="typed")["Parameter"]["Value"]
    assert value == 't ["a","b"] 7 true {"k":1} [{"a":"b"},{}]'
    assert one.step("list")["Inputs"]["Names"] == '["a","b"]'
    assert one["Parameters"]["Maps"] == ['{"a":"b"}', "{}"]
    assert one["Parameters"]["Number"] == ["7"]


def test_defaults_may_name_system_variables_and_parameters_and_given_values_may_not(shop):
    parameters = {
        "Source": {"type": "String", "default": "s"},
        "Target": {"type": "String", "default": "from_{{Source}}_on_{{global:DATE}}"},
        "Given": {"type": "String"},
    }
    one = shop.run(
        api("a", "GetParameters", Names=["{{ Target }}", "{{ Given }}"]),
        parameters=parameters,
        _start={"Parameters": {"Source": ["x"], "Given": ["{{global:DATE}}"]}},
    )
    # Parameter Store itself takes no braces: what was given went there as it was.
    assert one.step("a")["Inputs"]["Names"].endswith(',"{{global:DATE}}"]')
    assert one.step("a")["Inputs"]["Names"].startswith('["from_x_on_2027-')


def test_parameter_store_is_read_for_defaults_when_it_starts(shop, ssm):
    ssm.put_parameter(Name="source-image", Value="ami-1", Type="String")
    ssm.put_parameter(Name="source-list", Value="a,b", Type="StringList")
    parameters = {
        "Image": {"type": "String", "default": "{{ssm:source-image}}"},
        "Names": {"type": "StringList", "default": "{{ ssm:source-list }}"},
    }
    one = shop.run(put("a", "read", "{{ Image }} {{ Names }}"), parameters=parameters)
    assert one["Parameters"] == {"Image": ["ami-1"], "Names": ["a", "b"]}
    assert ssm.get_parameter(Name="read")["Parameter"]["Value"] == 'ami-1 ["a","b"]'


def test_what_is_secret_is_not_put_into_defaults(shop, ssm):
    ssm.put_parameter(Name="secret-default", Value="s", Type="SecureString")
    name = shop.write(
        put("a", "x"), parameters={"P": {"type": "String", "default": "{{ssm:secret-default}}"}}
    )
    with pytest.raises(ssm.exceptions.InvalidAutomationExecutionParametersException, match="SecureString"):
        shop.start(name)


def test_a_branch_takes_the_first_choice_that_holds(shop):
    def branch(**more):
        choices = [
            {"NextStep": "b", "Variable": "{{ How }}", "StringEquals": "b"},
            {
                "NextStep": "c",
                "And": [
                    {"Variable": "{{ How }}", "StartsWith": "c"},
                    {"Not": {"Variable": "{{ How }}", "EndsWith": "x"}},
                ],
            },
            {
                "NextStep": "d",
                "Or": [
                    {"Variable": "{{ Size }}", "NumericGreater": 10},
                    {"Variable": "{{ On }}", "BooleanEquals": True},
                ],
            },
        ]
        return step("choose", "aws:branch", {"Choices": choices, **more})

    parameters = {
        "How": {"type": "String", "default": "z"},
        "Size": {"type": "Integer", "default": 1},
        "On": {"type": "Boolean", "default": False},
    }
    rest = [put(name, "x", isEnd=True) for name in ("a", "b", "c", "d")]
    plain = shop.write(branch(), *rest, parameters=parameters)
    other = shop.write(branch(Default="d"), *rest, parameters=parameters)

    def leads(name, **given):
        execution_id = shop.start(name, Parameters={k: [v] for k, v in given.items()} or {"How": ["z"]})
        shop.house.tick()
        one = shop.get(execution_id)
        assert one.status == "Success", one.get("FailureMessage")
        return [each for each, status in one.steps.items() if status == "Success" and each != "choose"]

    assert leads(plain, How="b") == ["b"]
    assert leads(plain, How="cat") == ["c"]
    assert leads(plain, How="cx") == ["a"]
    assert leads(plain, Size="11") == ["d"]
    assert leads(plain, On="true") == ["d"]
    assert leads(plain) == ["a"], "no choice and no Default: in order"
    assert leads(other) == ["d"]


def test_a_branch_on_what_is_not_there_holds_only_if_it_asks_for_that(shop):
    choices = [
        {"NextStep": "there", "Variable": "{{ first.Gone }}", "StringEquals": "X"},
        {"NextStep": "gone", "Not": {"Variable": "{{ first.Gone }}", "StringEquals": "X"}},
    ]
    one = shop.run(
        put("first", "x"),
        step("choose", "aws:branch", {"Choices": choices}),
        put("there", "x", isEnd=True),
        put("gone", "x"),
    )
    assert (one.status, one.steps["there"], one.steps["gone"]) == ("Success", "Pending", "Success")


def test_variables_are_updated_and_keep_their_type(shop):
    one = shop.run(
        step("set", "aws:updateVariable", {"Name": "variable:seen", "Value": ["{{ variable:word }}", "b"]}),
        put("tell", "said", "{{ variable:seen }} {{ variable:seen[0] }}"),
        step("wrong", "aws:updateVariable", {"Name": "variable:count", "Value": "5"}, onFailure="Continue"),
        step("right", "aws:updateVariable", {"Name": "variable:count", "Value": 5}),
        variables={
            "word": {"type": "String", "default": "a"},
            "seen": {"type": "StringList", "default": []},
            "count": {"type": "Integer", "default": 0},
        },
    )
    assert one.steps["wrong"] == "Failed"
    assert one["Variables"] == {"word": ["a"], "seen": ["a", "b"], "count": ["5"]}
    assert shop.ssm.get_parameter(Name="said")["Parameter"]["Value"] == '["a","b"] a'


def test_a_sleep_lasts_as_long_as_it_says_and_no_longer_than_it_may(shop):
    one = shop.run(
        step("past", inputs={"Timestamp": "2020-01-01T00:00:00Z"}),
        step("until", inputs={"Timestamp": "2027-12-31T00:00:00Z"}, onFailure="Continue"),
        step("long", inputs={"Duration": "P8D"}, onFailure="Continue"),
        step("nonsense", inputs={"Duration": "soon"}, onFailure="Continue"),
        step("short", inputs={"Duration": "PT1M30S"}),
    )
    assert one.steps == {
        "past": "Success",
        "until": "Failed",
        "long": "Failed",
        "nonsense": "Failed",
        "short": "InProgress",
    }
    assert one["CurrentStepName"] == "short"
    shop.later(89)
    assert shop.get(one.id).status == "InProgress"
    shop.later(1)
    assert shop.get(one.id).status == "Success"


def test_a_step_that_takes_too_long_times_out_after_all_its_attempts(shop):
    one = shop.run(
        step("slow", inputs={"Duration": "PT1H"}, timeoutSeconds=60, maxAttempts=2), put("next", "x")
    )
    shop.later(60)
    assert shop.get(one.id).steps["slow"] == "InProgress"
    shop.later(60)
    one = shop.get(one.id)
    assert (one.status, one.steps) == ("TimedOut", {"slow": "TimedOut", "next": "Pending"})


def test_a_timeout_can_be_ignored(shop):
    one = shop.run(
        step("slow", inputs={"Duration": "PT1H"}, timeoutSeconds=5, onFailure="Continue"), put("next", "x")
    )
    shop.later(5)
    assert shop.get(one.id).status == "Success"


def test_a_service_that_is_not_there_is_named(shop):
    one = shop.run(
        step("image", "aws:createImage", {"InstanceId": "i-1", "ImageName": "x"}, onFailure="Continue"),
        api("api", "DescribeStacks", service="cloudformation", more={"onFailure": "Continue"}),
        api("none", "Frobnicate", more={"onFailure": "Continue"}),
        api("nowhere", "X", service="nowhere", more={"onFailure": "Continue"}),
        api("stray", "GetParameter", Name="x", Colour="red", more={"onFailure": "Continue"}),
    )
    assert one.status == "Success"
    said = {each["StepName"]: each["FailureMessage"] for each in one["StepExecutions"]}
    assert "Amazon EC2 (images)" in said["image"]
    assert "DescribeStacks of the service cloudformation" in said["api"]
    assert "has no API Frobnicate" in said["none"]
    assert "There is no service nowhere" in said["nowhere"]
    assert "has no parameter Colour" in said["stray"]


def test_the_runbooks_of_aws_run_or_say_what_they_miss(shop, ssm):
    hello = shop.start("AWS-HelloWorld")
    shop.house.tick()
    one = shop.get(hello)
    assert (one.status, one["Outputs"]) == ("Success", {"variable:Greeting": ["Hello World!"]})
    for name, api_name in (
        ("AWS-RestartEC2Instance", "StopInstances"),
        ("AWS-StartEC2Instance", "StartInstances"),
    ):
        execution_id = shop.start(name, Parameters={"InstanceId": ["i-0123456789abcdef0"]})
        shop.house.tick()
        assert f"{api_name} of the service ec2" in shop.get(execution_id)["FailureMessage"]


def test_an_interactive_run_of_aws_own_runbook_offers_the_step_that_follows(shop, ssm):
    execution_id = shop.start(
        "AWS-RestartEC2Instance", Mode="Interactive", Parameters={"InstanceId": ["i-0123456789abcdef0"]}
    )
    shop.house.tick()
    assert shop.get(execution_id).status == "Waiting"
    ssm.stop_automation_execution(AutomationExecutionId=execution_id, Type="Complete")
    shop.house.tick()
    assert shop.get(execution_id).status == "Success"


def test_an_instance_that_is_not_there_cannot_be_terminated(shop):
    execution_id = shop.start("AWS-TerminateEC2Instance", Parameters={"InstanceId": ["i-0123456789abcdef0"]})
    shop.house.tick()
    assert "InvalidInstanceID.NotFound" in shop.get(execution_id)["FailureMessage"]


def test_an_assertion_holds_or_fails_the_step(shop, ssm):
    ssm.put_parameter(Name="asserted", Value="on", Type="String")

    def check(name, action, *wanted, **more):
        given = {
            "Service": "ssm",
            "Api": "get_parameter",
            "Name": "asserted",
            "PropertySelector": "$.Parameter.Value",
            "DesiredValues": list(wanted),
        }
        return step(name, action, given, **more)

    one = shop.run(
        check("yes", "aws:assertAwsResourceProperty", "off", "on"),
        check("no", "aws:assertAwsResourceProperty", "off", onFailure="Continue"),
        check("wait", "aws:waitForAwsResourceProperty", "ready", timeoutSeconds=100),
    )
    assert one.steps == {"yes": "Success", "no": "Failed", "wait": "InProgress"}
    shop.later(2)
    ssm.put_parameter(Name="asserted", Value="ready", Type="String", Overwrite=True)
    shop.later(30)
    assert shop.get(one.id).status == "Success"


def test_waiting_for_a_property_ends_with_the_steps_timeout(shop, ssm):
    given = {
        "Service": "ssm",
        "Api": "DescribeParameters",
        "PropertySelector": "NextToken",
        "DesiredValues": ["x"],
    }
    one = shop.run(step("wait", "aws:waitForAwsResourceProperty", given))
    assert one.step("wait")["TimeoutSeconds"] == 3600
    shop.later(3600)
    assert shop.get(one.id).status == "TimedOut"


def test_tags_are_created(shop, ssm):
    ssm.put_parameter(Name="to-tag", Value="x", Type="String")
    tags = [{"Key": "Env", "Value": "{{ global:REGION }}"}]
    one = shop.run(
        step("tag", "aws:createTags", {"ResourceType": "Parameter", "ResourceIds": ["to-tag"], "Tags": tags}),
        step(
            "two",
            "aws:createTags",
            {"ResourceType": "Parameter", "ResourceIds": ["a", "b"], "Tags": tags},
            onFailure="Continue",
        ),
    )
    assert one.steps == {"tag": "Success", "two": "Failed"}
    found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="to-tag")["TagList"]
    assert found == [{"Key": "Env", "Value": "us-east-1"}]
