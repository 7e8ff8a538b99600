"""State Manager with the unmodified official agent: what the server sends, and what the agent fetches."""

import pytest

pytestmark = pytest.mark.slow


def association(site, node_id, document, **more):
    made = site.client("ssm").create_association(
        Name=document, Targets=[{"Key": "InstanceIds", "Values": [node_id]}], **more
    )
    return made["AssociationDescription"]["AssociationId"]


def executions(site, association_id):
    """The oldest first."""
    found = site.client("ssm").describe_association_executions(AssociationId=association_id)
    return found["AssociationExecutions"][::-1]


def standing(site, association_id):
    found = site.client("ssm").describe_association(AssociationId=association_id)
    return found["AssociationDescription"]["Overview"]["Status"]


def state(site, node_id, association_id):
    """How it stands on the node, as the node told."""
    told = site.client("ssm").describe_instance_associations_status(InstanceId=node_id)
    for info in told["InstanceAssociationStatusInfos"]:
        if info["AssociationId"] == association_id:
            return info
    return {"Status": "", "ExecutionDate": None}


def refresh(site, node_id, *association_ids):
    sent = site.client("ssm").send_command(
        DocumentName="AWS-RefreshAssociation",
        InstanceIds=[node_id],
        Parameters={"associationIds": list(association_ids)},
    )
    return site.finished(sent["Command"]["CommandId"], node_id, 60)


def test_a_command_association_is_sent_to_it_and_its_own_poll_is_answered(site, node_id, tmp_path):
    made = association(
        site,
        node_id,
        "AWS-RunShellScript",
        Parameters={"commands": [f"echo ran >> {tmp_path}/runs"]},
        ScheduleExpression="rate(30 minutes)",
    )
    site.until(lambda: standing(site, made) == "Success", 60)
    assert (tmp_path / "runs").read_text() == "ran\n"
    site.client("ssm").start_associations_once(AssociationIds=[made])
    site.until(lambda: len(executions(site, made)) == 2 and standing(site, made) == "Success", 60)
    assert (tmp_path / "runs").read_text() == "ran\nran\n"


def test_what_only_an_association_may_is_fetched_by_it_and_refreshed_by_a_command(site, node_id):
    """The agent polls every ten minutes: AWS-RefreshAssociation has it look at once."""
    made = association(
        site,
        node_id,
        "AWS-GatherSoftwareInventory",
        Parameters={"applications": ["Disabled"], "customInventory": ["Disabled"]},
        ScheduleExpression="rate(30 minutes)",
    )
    site.until(lambda: state(site, node_id, made)["Status"] == "Pending")
    assert refresh(site, node_id)["Status"] == "Success"
    site.until(lambda: state(site, node_id, made)["Status"] == "Success", 120)
    first = state(site, node_id, made)["ExecutionDate"]
    site.until(lambda: executions(site, made)[0]["Status"] == "Success")
    assert refresh(site, node_id, made)["Status"] == "Success"

    def ran_again():
        now = state(site, node_id, made)
        return now["Status"] == "Success" and now["ExecutionDate"] > first

    site.until(ran_again, 120)
