"""What Terraform makes it finds again: created, read back, changed, imported, nothing differing, destroyed.

A configuration has two stages, and an output `imports` of what can be imported: {address: identifier}.
"""

import json

import boto3
import pytest

from tests.terraform.conftest import CASES

pytestmark = pytest.mark.slow
CONFIGURATIONS = sorted(path.stem for path in (CASES / "configurations").glob("*.tf"))


def without_organization(plane):
    """A fresh control plane has an organization; Terraform is to make its own."""
    key = {
        "aws_access_key_id": plane.credentials.access_key_id,
        "aws_secret_access_key": plane.credentials.secret_access_key,
    }
    client = boto3.client("organizations", "us-east-1", endpoint_url=plane.url, verify=plane.ca, **key)
    client.delete_organization()


FIRST = {"organizations": without_organization}
"""What is done to the control plane before a configuration is applied."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_terraform_creates_reads_back_changes_imports_and_destroys(name, terraform, plane):
    if name in FIRST:
        FIRST[name](plane)
    terraform.use(f"configurations/{name}.tf")
    for stage in (1, 2):
        terraform.apply(stage=stage)
        assert terraform.differs(stage=stage) == {}

    found = json.loads(terraform.run("output", "-json")).get("imports", {}).get("value", {})
    if found:
        terraform.run("state", "rm", *found)
    for address, identifier in found.items():
        terraform.run("import", "-var=stage=2", address, identifier)
    assert terraform.differs(stage=2) == {}

    terraform.run("destroy", "-auto-approve", "-var=stage=2")
    assert not terraform.run("state", "list")
