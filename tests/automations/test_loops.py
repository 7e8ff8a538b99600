"""Loops: once per value, or as long as a condition holds; what is inside, and what each time left behind."""

import pytest

from tests.automations.shop import fails, put, step


def loop(name, *steps, more=None, **inputs):
    return step(name, "aws:loop", {"Steps": list(steps), **inputs}, **(more or {}))


IDS = {"parameters": {"Ids": {"type": "StringList", "default": ["i-1", "i-2", "i-3"]}}}


def test_a_loop_does_its_steps_once_per_value(shop, ssm):
    one = shop.run(
        loop(
            "each",
            put("note", "seen-{{ loop.CurrentIteratorValue }}", "{{ loop.CurrentIteration }}"),
            Iterators="{{ Ids }}",
        ),
        put("after", "after-loop"),
        **IDS,
    )
    assert one.status == "Success", one.get("FailureMessage")
    assert [ssm.get_parameter(Name=f"seen-i-{n}")["Parameter"]["Value"] for n in (1, 2, 3)] == ["1", "2", "3"]
    assert [each["StepName"] for each in one["StepExecutions"]] == ["each", "after", "note", "note", "note"]


def test_iterations_are_found_by_filter_with_the_loop_that_they_are_of(shop, ssm):
    one = shop.run(loop("each", put("note", "filtered"), step("nap"), Iterators="{{ Ids }}"), **IDS)
    for _ in range(3):
        shop.later(1)
    asked = {"AutomationExecutionId": one.id}

    def found(key, value):
        listed = ssm.describe_automation_step_executions(**asked, Filters=[{"Key": key, "Values": [value]}])
        return listed["StepExecutions"]

    second = found("ParentStepIteration", "2")
    assert [each["StepName"] for each in second] == ["note", "nap"]
    parent = second[0]["ParentStepDetails"]
    assert (parent["StepName"], parent["Action"], parent["Iteration"], parent["IteratorValue"]) == (
        "each",
        "aws:loop",
        2,
        "i-2",
    )
    assert [each["StepName"] for each in found("ParentStepIteratorValue", "i-3")] == ["note", "nap"]
    assert len(found("ParentStepExecutionId", parent["StepExecutionId"])) == 6
    assert shop.get(one.id).status == "Success"


def test_a_condition_is_looked_at_after_the_steps(shop):
    count = step(
        "count", "aws:updateVariable", {"Name": "variable:last", "Value": "{{ loop.CurrentIteration }}"}
    )
    condition = {"Variable": "{{ variable:last }}", "NumericLesser": 3}
    one = shop.run(
        loop("again", count, LoopCondition=condition), variables={"last": {"type": "Integer", "default": 9}}
    )
    assert (one.status, one["Variables"]) == ("Success", {"last": ["3"]})


def test_a_loop_ends_after_its_most_iterations_though_the_condition_holds(shop):
    condition = {"Variable": "{{ global:REGION }}", "StringEquals": "us-east-1"}
    one = shop.run(
        loop("again", put("note", "x"), LoopCondition=condition, MaxIterations=4), put("after", "x")
    )
    assert one.status == "Success"
    assert len([each for each in one["StepExecutions"] if each["StepName"] == "note"]) == 4


def test_without_an_end_of_its_own_a_loop_has_a_hundred_iterations(shop, ssm):
    condition = {"Variable": "{{ global:REGION }}", "StringEquals": "us-east-1"}
    one = shop.run(loop("again", put("note", "x"), LoopCondition=condition))
    assert (one.status, one["StepExecutionsTruncated"]) == ("Success", True)
    pages = ssm.get_paginator("describe_automation_step_executions").paginate(AutomationExecutionId=one.id)
    assert sum(len(page["StepExecutions"]) for page in pages) == 101


def test_a_loop_over_nothing_is_over(shop):
    one = shop.run(
        loop("each", put("note", "x"), Iterators="{{ Ids }}"),
        parameters={"Ids": {"type": "StringList", "default": []}},
    )
    assert (one.status, one.steps) == ("Success", {"each": "Success"})


def test_a_failure_inside_aborts_unless_the_step_inside_says_otherwise(shop):
    bad = shop.run(loop("each", fails("bad"), put("next", "x"), Iterators=["a", "b"]))
    assert (bad.status, bad.steps) == ("Failed", {"each": "Failed", "bad": "Failed", "next": "Pending"})
    good = shop.run(loop("each", fails("bad", onFailure="Continue"), put("next", "x"), Iterators=["a", "b"]))
    assert good.status == "Success"
    caught = shop.run(
        loop("each", fails("bad", onFailure="step:next"), put("next", "x"), Iterators=["a", "b"])
    )
    assert (caught.status, caught.steps["each"]) == ("Failed", "Success")


def test_branches_jump_among_the_steps_inside(shop, ssm):
    choices = [{"NextStep": "last", "Variable": "{{ loop.CurrentIteratorValue }}", "StringEquals": "b"}]
    one = shop.run(
        loop(
            "each",
            step("choose", "aws:branch", {"Choices": choices}),
            put("skipped", "jumped-{{ loop.CurrentIteratorValue }}"),
            put("last", "x"),
            Iterators=["a", "b"],
        )
    )
    assert one.status == "Success"
    assert ssm.get_parameter(Name="jumped-a")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="jumped-b")


def test_loops_stand_in_loops(shop, ssm):
    inner = loop(
        "inner",
        put("note", "nested-{{ outer.CurrentIteratorValue }}-{{ loop.CurrentIteratorValue }}"),
        Iterators=["x", "y"],
    )
    one = shop.run(loop("outer", inner, Iterators=["1", "2"]))
    assert one.status == "Success", one.get("FailureMessage")
    names = [f"nested-{a}-{b}" for a in "12" for b in "xy"]
    assert not ssm.get_parameters(Names=names)["InvalidParameters"]


def test_values_of_iterators_have_the_type_that_is_said(shop):
    good = shop.run(loop("each", put("note", "x"), Iterators=["1", 2], IteratorDataType="Integer"))
    assert good.status == "Success"
    bad = shop.run(loop("each", put("note", "x"), Iterators=["1", "two"], IteratorDataType="Integer"))
    assert bad.step("each")["FailureDetails"]["FailureStage"] == "InputValidation"
    many = shop.run(loop("each", put("note", "x"), Iterators=["x"] * 101))
    assert "at most 100" in many["FailureMessage"]


def test_a_loop_that_takes_too_long_times_out_with_what_runs_inside(shop):
    one = shop.run(
        loop(
            "each",
            step("nap", inputs={"Duration": "PT40S"}),
            Iterators=["a", "b", "c"],
            more={"timeoutSeconds": 60, "onFailure": "Continue"},
        ),
        put("after", "x"),
    )
    shop.later(40)
    shop.later(20)
    one = shop.get(one.id)
    assert (one.status, one.steps["each"], one.steps["after"]) == ("Success", "TimedOut", "Success")
    assert [each["StepStatus"] for each in one["StepExecutions"] if each["StepName"] == "nap"] == [
        "Success",
        "Cancelled",
    ]


def test_stopping_in_a_loop_ends_the_loop_too(shop, ssm):
    one = shop.run(loop("each", step("nap", inputs={"Duration": "PT1H"}), Iterators=["a"]))
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    assert (shop.get(one.id).status, shop.get(one.id).steps) == (
        "Cancelled",
        {"each": "Cancelled", "nap": "Cancelled"},
    )


def test_an_execution_does_not_go_on_for_ever(shop):
    deep = put("note", "x")
    for name in ("c", "b", "a"):
        deep = loop(name, deep, Iterators=[str(n) for n in range(100)])
    one = shop.run(deep)
    assert one.status == "Failed"
    assert "at most 10000 steps" in one["FailureMessage"]
