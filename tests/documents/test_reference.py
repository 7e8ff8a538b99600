"""The tables of docs/reference/documents.md say what the program does."""

import json
import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities import documents
from hostreeve.capabilities.documents.model import owned
from hostreeve.capabilities.documents.model.schemas import SCHEMAS

STEP = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["true"]}}
PAGE = (Path(__file__).parents[2] / "docs/reference/documents.md").read_text()


def rows(title):
    """The cells of the table below a heading, without its own heading."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_type_is_told_with_the_formats_it_is_written_in():
    told = {
        kind.strip(): tuple(part.strip() for part in formats.split(","))
        for kinds, formats, _ in rows("Types")
        for kind in kinds.split(",")
    }
    assert {kind: set(formats) for kind, formats in told.items()} == {
        kind: set(schema.formats) for kind, schema in SCHEMAS.items()
    }


def test_every_document_of_aws_is_told():
    section = PAGE.partition("## Documents of AWS\n")[2].partition("\n## ")[0]
    there = set(owned.names())
    assert there <= set(re.findall(r"AWS-[A-Za-z0-9]+", section))
    assert {name for name in re.findall(r"AWS-[A-Za-z0-9]+", section)} <= there


@pytest.fixture
def quotas():
    """`quotas({key: value})` for the length of a test."""
    yield documents.set_quotas
    documents.set_quotas({})


def test_files_of_a_document_are_few_and_small(house, ssm, name, quotas):
    s3, bucket = house.client("s3"), f"sources-{name.lower()}"
    s3.create_bucket(Bucket=bucket)
    for key in ("one.zip", "two.zip"):
        s3.put_object(Bucket=bucket, Key=f"files/{key}", Body=b"12345")
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": [STEP]})
    folder = [{"Key": "SourceUrl", "Values": [f"s3://{bucket}/files"]}]
    single = [{"Key": "S3FileUrl", "Values": [f"s3://{bucket}/files/one.zip"]}]
    for quota, label, files in (
        ({"document-attachments": 1}, "few", folder),
        ({"document-attachment-bytes": 4}, "small", single),
    ):
        quotas(quota)
        made = f"{name}-{label}"
        refused_as = ""
        try:
            ssm.create_document(Name=made, Content=content, Attachments=files)
            house.tick()
            found = ssm.describe_document(Name=made)["Document"]
            refused_as = found["Status"] + " " + found.get("StatusInformation", "")
        except ClientError as wrong:
            refused_as = str(wrong)
        assert refused_as.startswith(("Failed", "An error occurred")), refused_as
        quotas({})
        ssm.create_document(Name=f"{made}-raised", Content=content, Attachments=files)
        house.tick()
        assert ssm.describe_document(Name=f"{made}-raised")["Document"]["Status"] == "Active"
