"""Commands on Parameter Store that others have published, as printed but for docs/reference/seed-repairs.md,
typed into a shell beside the plain AWS command line."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "seed-repairs.md"
POWERSHELL = """#!/bin/sh
# Runs what both languages understand; the agent hands the script over as the last argument.
exec /bin/sh "$6"
"""


def printed(section):
    """The text of a section's first block, as the page has it."""
    text = PAGE.read_text().split(f"\n## {section}\n", 1)[1].split("\n## ")[0]
    return re.search(r"```\w*\n(.*?)```", text, re.DOTALL)[1]


def repaired(section, **mine):
    """The block after the repairs that stand in the section's table, with what is the reader's own put in."""
    text = printed(section)
    table = PAGE.read_text().split(f"\n## {section}\n", 1)[1].split("\n## ")[0]
    for was, becomes in re.findall(r"^\| `([^`]*)` \| `([^`]*)` \|", table, re.MULTILINE):
        assert was in text, f"{was!r} is not printed"
        text = text.replace(was, becomes)
    for name, value in mine.items():
        assert f"<{name}>" in text, f"nothing is <{name}>"
        text = text.replace(f"<{name}>", value)
    return text


def typed(site, command):
    done = subprocess.run(
        ["/bin/bash", "-c", command], env=site.environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_command_prints_the_value_of_a_parameter(site, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pwsh").write_text(POWERSHELL)
    (programs / "pwsh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    node = site.enrol()
    site.aws(
        "ssm", "put-parameter", "--name", "param", "--value", "Hello from a parameter", "--type", "String"
    )
    sent = typed(site, repaired("A value in a command", node=node))
    done = site.finished(sent["Command"]["CommandId"], node)
    assert (done["Status"], done["StandardOutputContent"]) == ("Success", "Hello from a parameter\n")


def test_a_secret_is_refused_before_anything_is_sent(site):
    node = site.enrol()
    site.aws("ssm", "put-parameter", "--name", "param", "--value", "hush", "--type", "SecureString")
    command = shlex.split(repaired("A value in a command", node=node).replace("\\\n", " "))
    told = site.aws(*command[1:], status=255)
    assert "InvalidParameters" in told and "param" in told and "hush" not in told
    assert site.aws("ssm", "list-commands")["Commands"] == []


def test_the_policy_of_a_node_opens_the_secrets_of_one_key(site):
    iam, sts, ssm = site.client("iam"), site.client("sts"), site.client("ssm")
    me = sts.get_caller_identity()
    key = site.client("kms").create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="param", Value="hush", Type="SecureString", KeyId=key)
    trust = {"Effect": "Allow", "Principal": {"AWS": me["Arn"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)["Role"]
    reading = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    statement = json.loads(repaired("The right to a key", region="us-east-1", account=me["Account"], key=key))

    def allow(*statements):
        said = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=said)

    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    as_role = site.as_session(given)
    read = ("ssm", "get-parameter", "--name", "param", "--with-decryption")
    allow(reading)
    assert "AccessDeniedException" in as_role(*read, status=255)
    allow(reading, statement)
    assert as_role(*read)["Parameter"]["Value"] == "hush"
