"""Served control planes whose master key lies under something: what they keep, and when they do not start."""

import json
import os

import boto3
import pytest
from tools.bench.control_plane import serving

from hostreeve.__main__ import main
from hostreeve.app.master_key import wrapping
from hostreeve.kernel.world import RealWorld
from hostreeve.platform.keys import load_or_create_master_key
from tests.keys.softhsm import SoftToken

pytestmark = pytest.mark.slow

WORLD = RealWorld()


@pytest.fixture(scope="module", autouse=True)
def _no_aws_settings_of_the_tester():
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
    yield
    os.environ.update(kept)


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    return SoftToken(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture(scope="module")
def other():
    """The other KMS: a Hostreeve with a key, and a user who may use it for this purpose only."""
    with serving() as plane:
        kms, iam = client(plane, "kms"), client(plane, "iam")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/masters", TargetKeyId=key)
        iam.create_user(UserName="hostreeve")
        statement = {
            "Effect": "Allow",
            "Action": ["kms:Encrypt", "kms:Decrypt"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:purpose": "hostreeve-master-key"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="hostreeve", PolicyName="p", PolicyDocument=document)
        made = iam.create_access_key(UserName="hostreeve")["AccessKey"]
        yield plane, made, key


def client(plane, service):
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=plane.url,
        aws_access_key_id=plane.credentials.access_key_id,
        aws_secret_access_key=plane.credentials.secret_access_key,
        verify=plane.ca,
    )


def settings(folder, other, **more):
    plane, made, _ = other
    said = {
        "endpoint": plane.url,
        "region": "us-east-1",
        "key_id": "alias/masters",
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
        "ca_bundle": plane.ca,
    } | more
    path = folder / "kms.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in said.items() if value))
    path.chmod(0o600)
    return path


def kept_over_a_restart(state, *flags):
    """A secret that one server stores and the next one reads; the folder holds no bare master key."""
    with serving(state, *flags) as plane:
        client(plane, "ssm").put_parameter(Name="/s", Value="hush", Type="SecureString")
    with serving(state, *flags) as plane:
        found = client(plane, "ssm").get_parameter(Name="/s", WithDecryption=True)
    return found["Parameter"]["Value"]


def refusal(capsys, *words):
    assert main(list(map(str, words))) == 1
    return capsys.readouterr().err


def test_a_server_starts_with_its_key_under_a_token_and_not_without(token, tmp_path, capsys):
    state = tmp_path / "state"
    assert kept_over_a_restart(state, "--master-key-pkcs11", token.uri()) == "hush"
    assert (state / "master.key").read_bytes().startswith(b"hostreeve-master-key-pkcs11-1\n")
    serve = ("serve", "--state", state, "--listen", "127.0.0.1", "--port", "1")
    assert "is under a key in a PKCS #11 token. Start with --master-key-pkcs11" in refusal(capsys, *serve)
    for wrong, said in (
        (token.uri(module="/gone.so"), "module /gone.so can't be used"),
        (token.uri(token="gone"), "has no token called gone"),
        (token.uri(pin=token.private("bad", "9999")), "is not the one of the token"),
    ):
        assert said in refusal(capsys, *serve, "--master-key-pkcs11", wrong)


def test_a_server_starts_with_its_key_under_another_kms_and_not_without(other, tmp_path, capsys):
    plane, _, key = other
    state, file = tmp_path / "state", settings(tmp_path, other)
    assert kept_over_a_restart(state, "--master-key-kms-file", str(file)) == "hush"
    serve = ("serve", "--state", state, "--listen", "127.0.0.1", "--port", "1")
    kms = ("--master-key-kms-file", file)
    assert "is under a key of another KMS. Start with --master-key-kms-file" in refusal(capsys, *serve)
    settings(tmp_path, other, secret_access_key="wrong")
    told = refusal(capsys, *serve, *kms)
    assert f"the KMS at {plane.url}: Decrypt was refused" in told and "wrong" not in told
    settings(tmp_path, other, endpoint="https://127.0.0.1:1")
    assert "the KMS at https://127.0.0.1:1: " in (told := refusal(capsys, *serve, *kms))
    assert "cannot be reached: Connection refused" in told
    settings(tmp_path, other, ca_bundle=None)
    assert "is not accepted" in refusal(capsys, *serve, *kms)
    settings(tmp_path, other)
    client(plane, "kms").disable_key(KeyId=key)
    assert "DisabledException" in refusal(capsys, *serve, *kms)
    client(plane, "kms").enable_key(KeyId=key)
    (state / "master.key").write_bytes((state / "master.key").read_bytes()[:-1])
    assert "InvalidCiphertextException" in refusal(capsys, *serve, *kms)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key_id": None}, "missing required field `key_id`"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"endpoint": "ftp://x"}, "is not the address of a server"),
        ({"key_id": "alias/none"}, "Encrypt was refused"),
    ],
)
def test_settings_that_do_not_say_enough_or_say_too_much_are_refused(other, tmp_path, capsys, change, said):
    file = settings(tmp_path, other, **change)
    serve = ("serve", "--state", tmp_path / "state", "--listen", "127.0.0.1", "--port", "1")
    told = refusal(capsys, *serve, "--master-key-kms-file", file)
    assert said in told and other[1]["SecretAccessKey"] not in told
    assert not (tmp_path / "state" / "master.key").exists()
    file.chmod(0o644)
    assert "chmod 600" in refusal(capsys, *serve, "--master-key-kms-file", file)


def test_a_master_key_passes_from_one_keeper_to_the_next(token, other, tmp_path, capsys):
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    key = load_or_create_master_key(state / "master.key", WORLD)
    words = {
        "passphrase-file": token.private("passphrase", "open sesame"),
        "pkcs11": token.uri(key="moved"),
        "kms-file": settings(tmp_path, other),
    }
    now = []
    for kind, value in words.items():
        assert main(["rewrap", "--state", str(state), *now, f"--to-{kind}", str(value)]) == 0
        now = [f"--master-key-{kind}", str(value)]
        assert key not in (state / "master.key").read_bytes()
    assert "is under a key of another KMS" in refusal(capsys, "rewrap", "--state", state, "--to-nothing")
    assert main(["rewrap", "--state", str(state), *now, "--to-nothing"]) == 0
    assert (state / "master.key").read_bytes() == key
    assert [file.name for file in state.iterdir()] == ["master.key"]
    gone = ("rewrap", "--state", tmp_path / "gone", "--to-nothing")
    assert "there is nothing to put under anything" in refusal(capsys, *gone)


def test_only_one_keeper_is_named(tmp_path, capsys):
    words = ["serve", "--state", str(tmp_path), "--master-key-pkcs11", "x", "--master-key-kms-file", "y"]
    with pytest.raises(SystemExit):
        main(words)
    assert "not allowed with argument" in capsys.readouterr().err


def test_without_a_flag_the_key_lies_bare():
    from hostreeve.__main__ import parser

    assert wrapping(parser().parse_args(["serve", "--state", "s"]), WORLD) is None
