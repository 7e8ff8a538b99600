"""A script in the sandbox speaks to the served control plane by boto3 as the role that it was given, and to
nobody else."""

import asyncio
import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hostreeve.sandbox.sandbox import Sandbox
from hostreeve.sandbox.script import End, Endpoint, Script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

TEXT = b"""
import boto3, json, socket

def handler(payload, context):
    ssm = boto3.client("ssm")
    ssm.put_parameter(Name=payload["name"], Value="by a script", Type="String")
    who = boto3.client("sts").get_caller_identity()["Arn"]
    text = ssm.get_parameter(Name=payload["name"])["Parameter"]["Value"]
    denied = ""
    try:
        boto3.client("iam").list_users()
    except Exception as error:
        denied = type(error).__name__ + ": " + str(error)
    try:
        socket.create_connection(("127.0.0.1", payload["port"]), 1)
        reached = True
    except OSError:
        reached = False
    return {"who": who, "text": text, "denied": denied, "reached": reached}
"""


def role(site):
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": ["ssm:PutParameter", "ssm:GetParameter"], "Resource": "*"}
    iam = site.client("iam")
    made = iam.create_role(RoleName="scripts", AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
    iam.put_role_policy(RoleName="scripts", PolicyName="p", PolicyDocument=json.dumps({"Statement": may}))
    session = site.client("sts").assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="run")
    return session["Credentials"]


def test_boto3_in_a_script_reaches_the_control_plane_and_nothing_else(site):
    credentials = role(site)
    address = urlsplit(site.plane.url)
    script = Script(
        files={"main.py": TEXT},
        handler="main.handler",
        payload={"name": "/made/by/script", "port": address.port},
        environment={
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        endpoint=Endpoint("127.0.0.1", "127.0.0.1", address.port, Path(site.plane.ca)),
    )
    got = asyncio.run(Sandbox().run(script))
    assert got.end is End.SUCCESS, got
    assert got.result["who"].endswith("assumed-role/scripts/run")
    assert got.result["text"] == "by a script"
    assert "AccessDenied" in got.result["denied"] and "iam:ListUsers" in got.result["denied"]
    assert got.result["reached"] is False
    assert site.client("ssm").get_parameter(Name="/made/by/script")["Parameter"]["Value"] == "by a script"
