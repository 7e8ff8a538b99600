"""Settings are found where the AWS CLI finds them; botocore is the oracle."""

import botocore.session
import pytest

from hostreeve.cli.settings import Given, Settings, Unset

CONFIG = """
[default]
region = eu-west-1
ca_bundle = {ca}
endpoint_url = https://default:1

[profile east]
region = us-east-2
services = ours
endpoint_url = https://global:2
aws_access_key_id = CONFIGKEY
aws_secret_access_key = configsecret

[profile "with space"]
region = ap-northeast-1

[profile role]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = default

[profile process]
credential_process = /bin/echo '{{"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "S"}}'

[services ours]
sts =
  endpoint_url = https://sts:3
ssm =
  endpoint_url = https://ssm:4
"""
CREDENTIALS = """
[default]
aws_access_key_id = FILEKEY
aws_secret_access_key = filesecret
aws_session_token = filetoken

[only-here]
aws_access_key_id = ONLY
aws_secret_access_key = only
"""


@pytest.fixture
def files(tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_text("-")
    (tmp_path / "config").write_text(CONFIG.format(ca=ca))
    (tmp_path / "credentials").write_text(CREDENTIALS)
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"AWS_PROFILE": "east"},
        {"AWS_PROFILE": "with space"},
        {"AWS_PROFILE": "only-here"},
        {"AWS_PROFILE": "process"},
        {"AWS_DEFAULT_PROFILE": "east", "AWS_PROFILE": "only-here"},
        {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_PROFILE": "east"},
        {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_SESSION_TOKEN": "t"},
        {"AWS_DEFAULT_REGION": "sa-east-1"},
        {"AWS_ENDPOINT_URL": "https://environment:5"},
        {"AWS_ENDPOINT_URL": "https://environment:5", "AWS_ENDPOINT_URL_SSM": "https://only-ssm:6"},
        {"AWS_PROFILE": "east", "AWS_ENDPOINT_URL": "https://environment:5"},
        {"AWS_PROFILE": "east", "AWS_ENDPOINT_URL_STS": "https://only-sts:7"},
        {"AWS_CA_BUNDLE": "/dev/null"},
    ],
    ids=lambda environ: ",".join(f"{k}={v}" for k, v in environ.items()) or "files alone",
)
def test_what_botocore_finds_we_find(files, environ, monkeypatch):
    for name in (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**files, **environ}.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session()
    ours = Settings(Given(), {**files, **environ})
    theirs = session.get_credentials().get_frozen_credentials() if session.get_credentials() else None
    if theirs is None:
        with pytest.raises(Unset):
            ours.keys()
    else:
        keys = ours.keys()
        found = (keys.access_key_id, keys.secret_access_key, keys.session_token)
        assert found == (theirs.access_key, theirs.secret_key, theirs.token or "")
    region = session.get_config_variable("region")
    if region:
        assert ours.region() == region
    ca = session.get_config_variable("ca_bundle")
    assert (str(ours.ca_bundle()) if ours.ca_bundle() else None) == ca
    for service in ("ssm", "sts"):
        client = session.create_client(service, region_name="us-east-1", verify=False)
        if "amazonaws.com" not in client.meta.endpoint_url:
            assert ours.endpoint(service) == client.meta.endpoint_url


def test_the_command_line_outranks_everything(files):
    given = Given(profile="only-here", region="r", endpoint_url="https://given:1/", ca_bundle="/dev/null")
    settings = Settings(
        given, {**files, "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_REGION": "x"}
    )
    assert settings.keys().access_key_id == "ONLY"
    assert (settings.region(), settings.endpoint("ssm"), str(settings.ca_bundle())) == (
        "r",
        "https://given:1",
        "/dev/null",
    )


def test_an_address_for_ssm_alone_serves_what_only_we_have():
    assert Settings(Given(), {"AWS_ENDPOINT_URL_SSM": "https://a:1"}).endpoint("hostreeve") == "https://a:1"


@pytest.mark.parametrize(
    ("environ", "ask", "told"),
    [
        ({}, "keys", "no credentials"),
        ({"AWS_ACCESS_KEY_ID": "E"}, "keys", "AWS_SECRET_ACCESS_KEY is not"),
        ({}, "region", "No Region"),
        ({"AWS_CA_BUNDLE": "/nonexistent.pem"}, "ca_bundle", "/nonexistent.pem"),
    ],
)
def test_what_is_missing_is_named_with_the_next_step(environ, ask, told):
    nowhere = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    with pytest.raises(Unset, match=told) as unset:
        getattr(Settings(Given(), {**nowhere, **environ}), ask)()
    assert unset.value.next_step


def test_a_server_must_be_named_and_look_like_one():
    nowhere = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    with pytest.raises(Unset, match="No server is named"):
        Settings(Given(), nowhere).endpoint("ssm")
    with pytest.raises(Unset, match="not the address"):
        Settings(Given(endpoint_url="host:8443"), nowhere).endpoint("ssm")


def test_a_profile_that_does_not_exist_is_refused(files):
    with pytest.raises(Unset, match="profile nobody"):
        Settings(Given(), {**files, "AWS_PROFILE": "nobody"})


def test_a_profile_that_assumes_a_role_is_told_how_to_be_used(files):
    with pytest.raises(Unset) as unset:
        Settings(Given(profile="role"), files).keys()
    assert "export-credentials --profile role" in unset.value.next_step


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "config").write_text("no section\n")
    with pytest.raises(Unset, match="config"):
        Settings(Given(), {"AWS_CONFIG_FILE": str(tmp_path / "config")})
