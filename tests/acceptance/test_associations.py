"""State Manager with a real agent of ours, by the plain AWS command line."""

import json

import pytest

pytestmark = pytest.mark.slow


def applied(site, association_id, count):
    """The executions, the oldest first, once there are so many and all have ended."""

    def found():
        listed = site.client("ssm").describe_association_executions(AssociationId=association_id)
        executions = listed["AssociationExecutions"]
        over = all(each["Status"] not in ("Pending", "InProgress") for each in executions)
        return executions[::-1] if over and len(executions) >= count else None

    return site.until(found, 60)


def test_a_node_refreshes_its_associations_by_a_command(site, tmp_path):
    node = site.enrol()
    runs = tmp_path / "runs"
    made = site.aws(
        *("ssm", "create-association", "--name", "AWS-RunShellScript"),
        *("--targets", f"Key=InstanceIds,Values={node}", "--schedule-expression", "cron(0 12 ? * SUN *)"),
        *("--apply-only-at-cron-interval", "--parameters", json.dumps({"commands": [f"echo ran >> {runs}"]})),
    )["AssociationDescription"]["AssociationId"]
    refresh = ("ssm", "send-command", "--document-name", "AWS-RefreshAssociation", "--instance-ids", node)
    done = site.finished(site.aws(*refresh)["Command"]["CommandId"], node)
    assert done["Status"] == "Success"
    assert f"{made} (AWS-RunShellScript): applied" in done["StandardOutputContent"]
    (execution,) = applied(site, made, 1)
    assert (execution["Status"], runs.read_text()) == ("Success", "ran\n")
    stranger = json.dumps({"associationIds": ["00000000-0000-4000-8000-000000000000"]})
    named = site.aws(*refresh, "--parameters", stranger)
    assert site.finished(named["Command"]["CommandId"], node)["Status"] == "Failed"
