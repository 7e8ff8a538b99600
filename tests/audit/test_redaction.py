"""No secret of any operation comes into a record: what the models call sensitive, and what else is one."""

import json

import pytest

from hostreeve.api.service_models import service
from hostreeve.app.compose import OPERATIONS
from hostreeve.platform.audit.model.redaction import HIDDEN, answer_shown, request_shown

KNOWN = {
    "ActivationCode",
    "AgentSecret",
    "Base32StringSeed",
    "NewPassword",
    "OldPassword",
    "Password",
    "Plaintext",
    "PrivateKeyPlaintext",
    "QRCodePNG",
    "SecretAccessKey",
    "SessionToken",
    "SnapshotDownloadUrl",
    "TokenCode",
    "TokenValue",
    "WebIdentityToken",
    "AuthenticationCode1",
}
"""What is secret by its name, said here once more: the code has its own list."""

DEEP = 6
EVERY = sorted(OPERATIONS)


class Filled:
    """A value of a shape in which every secret is a canary of its own."""

    def __init__(self):
        self.canaries, self.plain = [], []

    def of(self, shape, name="", depth=0, secret=False):
        secret = secret or bool(shape.traits.get("sensitive")) or name in KNOWN
        if depth > DEEP:
            return None
        match shape.type:
            case "structure":
                made = {n: self.of(m, n, depth + 1, secret) for n, m in shape.members.items()}
                return {n: value for n, value in made.items() if value is not None}
            case "list":
                item = self.of(shape.member, name, depth + 1, secret)
                return [] if item is None else [item, item]
            case "map":
                key = self.text(secret or bool(shape.key.traits.get("sensitive")))
                return {key: self.of(shape.value, name, depth + 1, secret)}
            case "string":
                return self.text(secret)
            case "blob":
                return self.text(secret).encode()
            case "boolean":
                return True
            case _:
                return 7

    def text(self, secret):
        kind = self.canaries if secret else self.plain
        kind.append(f"{'canary' if secret else 'plain'}-{len(self.canaries) + len(self.plain):06d}")
        return kind[-1]


def models():
    found = [OPERATIONS[key].model for key in EVERY]
    # Of the services that are served in part, also what is not there yet: its requests are recorded too.
    for name in ("ssm", "iam", "sts", "kms", "ssm-contacts", "lambda", "ec2"):
        found += [service(name).operation(each) for each in service(name).operation_names]
    return found


def test_no_secret_of_any_operation_is_shown():
    leaks, secrets = [], 0
    for model in models():
        for shape, shown in ((model.input, request_shown), (model.output, answer_shown)):
            if shape is None:
                continue
            filled = Filled()
            value = filled.of(shape)
            text = json.dumps(shown(model, value))
            secrets += len(filled.canaries)
            leaks += [(model.service.name, model.name, each) for each in filled.canaries if each in text]
    assert not leaks
    assert secrets > 500


def test_what_is_no_secret_is_shown():
    model = service("ssm").operation("SendCommand")
    told = request_shown(
        model,
        {
            "DocumentName": "AWS-RunShellScript",
            "Targets": [{"Key": "tag:Role", "Values": ["web"]}],
            "Parameters": {"commands": ["echo s3cret"]},
            "CloudWatchOutputConfig": {"CloudWatchOutputEnabled": True},
            "Comment": None,
        },
    )
    assert told == {
        "documentName": "AWS-RunShellScript",
        "targets": [{"key": "tag:Role", "values": ["web"]}],
        "parameters": HIDDEN,
        "cloudWatchOutputConfig": {"cloudWatchOutputEnabled": True},
    }


def test_of_a_long_list_the_beginning_is_shown_and_how_much_there_is_more():
    model = service("ssm").operation("PutInventory")
    rows = [{"Name": f"package-{number}"} for number in range(1000)]
    (item,) = request_shown(model, {"Items": [{"TypeName": "AWS:Application", "Content": rows}]})["items"]
    assert item["content"][:2] == [{"Name": "package-0"}, {"Name": "package-1"}]
    assert (len(item["content"]), item["content"][-1]) == (51, "and 950 more")


def test_every_operation_without_secrets_shows_all_its_text():
    missing = []
    for model in models():
        if model.input is None:
            continue
        filled = Filled()
        text = json.dumps(request_shown(model, filled.of(model.input)))
        if filled.canaries:
            continue
        shown = [each for each in filled.plain if each in text]
        # Bytes are left out.
        if len(shown) < len(filled.plain) / 2:
            missing.append((model.service.name, model.name))
    assert len(missing) < 30, missing


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_secrets_that_callers_send_and_get_are_nowhere_in_the_log(audited):
    secrets = ["s3cret-of-parameter", "S3cret-of-login!", "s3cret-of-command", "s3cret of bytes"]
    audited.ssm.put_parameter(Name="/s", Type="SecureString", Value=secrets[0])
    audited.ssm.get_parameter(Name="/s", WithDecryption=True)
    audited.iam.create_user(UserName="ann")
    audited.iam.create_login_profile(UserName="ann", Password=secrets[1])
    secrets.append(audited.iam.create_access_key(UserName="ann")["AccessKey"]["SecretAccessKey"])
    activation = audited.ssm.create_activation(IamRole="service-role/SSMServiceRole")
    secrets.append(activation["ActivationCode"])
    kms = audited.house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=secrets[3].encode())["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=sealed)
    token = audited.house.client("sts").get_session_token()["Credentials"]
    secrets += [token["SecretAccessKey"], token["SessionToken"]]
    with pytest.raises(Exception, match="InvalidInstanceId"):
        audited.ssm.send_command(
            DocumentName="AWS-RunShellScript",
            InstanceIds=["mi-00000000000000000"],
            Parameters={"commands": [secrets[2]]},
        )
    from tests.audit.written import everything

    text = everything(audited.house)
    assert len(text) > 5000 and not [each for each in secrets if each in text]
    audited.pack()
    text = everything(audited.house)
    assert len(text) > 5000 and not [each for each in secrets if each in text]
