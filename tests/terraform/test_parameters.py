"""Terraform's own run of aws_ssm_parameter, aws_kms_key and aws_kms_alias: made, read back with nothing
differing, changed, imported, deleted. The same calls by boto3 stand in tests/parameters and tests/kms."""

import boto3
import pytest

pytestmark = pytest.mark.slow


def client(plane, service):
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=plane.url,
        aws_access_key_id=plane.credentials.access_key_id,
        aws_secret_access_key=plane.credentials.secret_access_key,
        verify=plane.ca,
    )


def test_parameters_and_keys_are_made_read_back_changed_imported_and_deleted(terraform, plane):
    ssm = client(plane, "ssm")
    terraform.use("parameters.tf")
    terraform.apply()
    assert terraform.differs() == {}
    state = terraform.resources()
    assert state["data.aws_ssm_parameter.plain"]["value"] == "one"
    assert state["aws_ssm_parameter.large"]["tier"] == "Advanced"
    assert set(state["data.aws_ssm_parameters_by_path.all"]["names"]) >= {
        "/terraform/plain",
        "/terraform/secret",
    }

    terraform.apply(word="two")
    assert terraform.differs(word="two") == {}
    assert terraform.differs(word="two", team="db") == {
        "aws_kms_key.payroll": {"description", "tags", "tags_all"},
        "aws_ssm_parameter.plain": {"description", "tags", "tags_all"},
    }
    secret = ssm.get_parameter(Name="/terraform/secret", WithDecryption=True)["Parameter"]
    assert (secret["Value"], secret["Version"]) == ("hush two", 2)
    assert ssm.get_parameter_history(Name="/terraform/secret")["Parameters"][1]["KeyId"] == "alias/payroll"

    key = state["aws_kms_key.payroll"]["key_id"]
    imported = {
        "aws_kms_key.payroll": key,
        "aws_kms_alias.payroll": "alias/payroll",
        "aws_ssm_parameter.plain": "/terraform/plain",
        "aws_ssm_parameter.secret": "/terraform/secret",
        "aws_ssm_parameter.large": "/terraform/large",
    }
    terraform.run("state", "rm", *imported)
    for address, name in imported.items():
        terraform.run("import", "-var=word=two", address, name)
    # What no API tells, an import cannot know.
    assert terraform.differs(word="two") == {
        "aws_kms_key.payroll": {"bypass_policy_lockout_safety_check", "deletion_window_in_days"}
    }

    terraform.run("destroy", "-auto-approve", "-var=word=two")
    assert ssm.get_parameters_by_path(Path="/terraform")["Parameters"] == []
    shown = client(plane, "kms").describe_key(KeyId=key)["KeyMetadata"]
    assert shown["KeyState"] == "PendingDeletion"
