"""The events of executions and steps, in AWS's shapes; and secrets, which are nowhere."""

import json

from tests.automations.shop import api, fails, put, step

STEP = "EC2 Automation Step Status-change Notification"
EXECUTION = "EC2 Automation Execution Status-change Notification"


def events(house, execution_id, detail_type):
    rows = house.app.database.read_sync(
        lambda tx: tx.all(
            "SELECT detail FROM outbox_event WHERE aggregate = :id AND detail_type = :type ORDER BY sequence",
            id=execution_id,
            type=detail_type,
        )
    )
    return [json.loads(row["detail"]) for row in rows]


def test_every_status_of_an_execution_is_told(house, shop):
    one = shop.run(step("nap", inputs={"Duration": "PT2S"}))
    shop.later(2)
    told = events(house, one.id, EXECUTION)
    assert [each["Status"] for each in told] == ["InProgress", "Success"]
    last = told[-1]
    assert (last["ExecutionId"], last["Definition"], last["DefinitionVersion"]) == (
        one.id,
        one["DocumentName"],
        1.0,
    )
    assert last["ExecutedBy"] == one["ExecutedBy"]
    assert last["Time"] == 2000.0
    assert last["StartTime"].startswith("Jan ") and last["EndTime"][-2:] in ("AM", "PM")


def test_every_status_of_a_step_is_told(house, shop):
    one = shop.run(fails("bad", onFailure="Continue"), step("nap", inputs={"Duration": "PT2S"}))
    shop.later(2)
    told = [(each["StepName"], each["Action"], each["Status"]) for each in events(house, one.id, STEP)]
    assert told == [
        ("bad", "aws:executeAwsApi", "InProgress"),
        ("bad", "aws:executeAwsApi", "Failed"),
        ("nap", "aws:sleep", "InProgress"),
        ("nap", "aws:sleep", "Success"),
    ]


def test_pending_executions_and_waiting_ones_are_told(house, shop, ssm):
    one = shop.run(step("hold", "aws:pause"))
    assert [each["Status"] for each in events(house, one.id, EXECUTION)] == ["InProgress", "Waiting"]
    ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    assert [each["Status"] for each in events(house, one.id, EXECUTION)][2:] == ["Cancelling", "Cancelled"]


def test_what_is_secret_in_a_call_is_not_written_down(house, shop, ssm):
    ssm.put_parameter(Name="hidden", Value="very-hidden-word", Type="SecureString")
    one = shop.run(
        put("put", "x", "other-hidden-word"),
        api("get", "GetParameter", Name="hidden", WithDecryption=True),
        api(
            "wait",
            "GetParameter",
            Name="hidden",
            WithDecryption=True,
            outputs=[("Name", "Parameter.Name", "String")],
        ),
        api(
            "bad",
            "PutParameter",
            Name="no/slash/",
            Value="third-hidden-word",
            Type="String",
            more={"maxAttempts": 2},
        ),
    )
    assert one.status == "Failed"
    assert one.outputs("wait") == {"Name": ["hidden"]}
    rows = house.app.database.read_sync(lambda tx: tx.all("SELECT body FROM automation_steps"))
    assert not [row for row in rows if "hidden-word" in row["body"]]
