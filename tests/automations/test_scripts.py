"""aws:executeScript: what goes into a script, what comes out of it, and with whose rights it calls."""

import shutil

import pytest

from tests.automations.shop import put, step

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


def script(name, *lines, outputs=(), more=None, **inputs):
    text = "\n".join(["def main(events, context):", *(f"    {line}" for line in lines)])
    listed = [{"Name": n, "Selector": s, "Type": t} for n, s, t in outputs]
    given = {"Runtime": "python3.7", "Handler": "main", "Script": text, **inputs}
    return step(name, "aws:executeScript", given, outputs=listed, **(more or {}))


def test_a_script_gets_its_payload_with_its_types_and_its_answer_can_be_used(shop, ssm):
    one = shop.run(
        script(
            "count",
            "print('counting')",
            "size = len(events['ids']) + events['more']",
            "kind = type(events['map']).__name__",
            "return {'n': size, 'kind': kind, 'id': context['automation:EXECUTION_ID']}",
            InputPayload={"ids": "{{ Ids }}", "more": "{{ More }}", "map": "{{ Map }}"},
            outputs=[
                ("N", "$.Payload.n", "Integer"),
                ("Kind", "$.Payload.kind", "String"),
                ("Id", "$.Payload.id", "String"),
            ],
        ),
        put("tell", "script-said", "{{ count.N }} {{ count.Kind }}"),
        parameters={
            "Ids": {"type": "StringList", "default": ["a", "b"]},
            "More": {"type": "Integer", "default": 5},
            "Map": {"type": "StringMap", "default": {"k": "v"}},
        },
    )
    assert one.status == "Success", one.get("FailureMessage")
    assert ssm.get_parameter(Name="script-said")["Parameter"]["Value"] == "7 dict"
    assert one.outputs("count")["Id"] == [one.id]
    assert "counting" in one.step("count")["Response"]


def test_what_a_script_raises_fails_its_step(shop):
    one = shop.run(script("bad", "raise ValueError('no such thing')"))
    assert one.status == "Failed"
    assert "no such thing" in one["FailureMessage"]


def test_without_an_assume_role_a_script_has_no_credentials(shop):
    one = shop.run(script("list", "import boto3", "return boto3.client('s3').list_buckets()"))
    assert one.status == "Failed"
    assert "redentials" in one["FailureMessage"]


def test_a_key_that_a_script_did_not_return_is_no_output_and_branches_see_that(shop):
    one = shop.run(
        script("look", "return {}", outputs=[("Found", "$.Payload.found", "String")]),
        step(
            "which",
            "aws:branch",
            {"Choices": [{"NextStep": "gone", "Not": {"Variable": "{{ look.Found }}", "StringEquals": "X"}}]},
        ),
        put("there", "x", isEnd=True),
        put("gone", "x"),
    )
    assert (one.status, one.steps["gone"], one.steps["there"]) == ("Success", "Success", "Pending")


def test_braces_of_a_script_stay_but_names_of_the_runbook_are_put_in(shop):
    one = shop.run(
        script(
            "say",
            "x = 1",
            "return f'{{x}} {{ nothing }} {{ Word }} {x}'",
            outputs=[("S", "$.Payload", "String")],
        ),
        parameters={"Word": {"type": "String", "default": "w"}},
    )
    assert one.outputs("say")["S"] == ["{x} { nothing } w 1"]


def test_long_lists_are_cut_and_long_answers_refused(shop):
    cut = shop.run(
        script("many", "return {'l': list(range(500))}", outputs=[("Last", "$.Payload.l[-1]", "Integer")])
    )
    assert cut.outputs("many")["Last"] == ["99"]
    long = shop.run(script("long", "return 'x' * 150000"))
    assert long.status == "Failed"


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"Runtime": "PowerShell Core 7.0"}, "not available"),
        ({"Handler": "a.b; import os"}, "name of a function"),
        ({"InputPayload": "text"}, "StringMap"),
        ({"Attachment": "x.zip"}, "Attachment"),
    ],
)
def test_what_cannot_run_fails_before_it_runs(shop, inputs, why):
    one = shop.run(script("bad", "return 1", **inputs))
    assert one.step("bad")["FailureDetails"]["FailureStage"] == "InputValidation"
    assert why in one["FailureMessage"]


def test_a_script_whose_server_died_is_not_run_again(house, shop):
    from tests.automations.test_faults import engine, work

    execution_id = shop.start(shop.write(script("once", "return 1")))
    house.loop.run_until_complete(engine(house).tick())
    house.world.advance(31)
    work(house, engine(house))
    assert "outcome unknown" in shop.get(execution_id)["FailureMessage"]
