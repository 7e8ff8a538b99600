"""Every operation there is, asked by those who may not: strangers, callers
without policies, administrators of other accounts."""

import base64
import re
import sqlite3
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostreeve.app.compose import OPERATIONS
from hostreeve.gateway.http import HttpRequest, HttpResponse
from tests.gateway.callers import EVERY, Callers, is_an_error_of_aws, least
from tests.gateway.planted import TREASURE, member_of, plant
from tests.house import house_at

NOT_ASKED = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
"""Anybody may ask who they are, and be it for a while, as at AWS."""

PER_ITEM = {"DeleteObjects"}
"""Answers for each item, and says there that it is refused."""

UNSIGNED = {op for op in EVERY if OPERATIONS[op].signer == "nobody"}
REFUSED_UNSIGNED = {"InvalidActivation", "InvalidIdentityToken", "SignInFailedException", "ValidationError"}
"""What operations say that nobody signs: their secrets are in the request."""
REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_CODE = re.compile(rb'"__type"\s*:\s*"([^"]+)"|<Code>([^<]+)</Code>|x-amzn-errortype\W+([A-Za-z]+)')


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every-operation")
    with house_at(f"sqlite:///{folder}/house.db") as made:
        made.file = folder / "house.db"
        yield made


@pytest.fixture(scope="module")
def callers(house):
    return Callers(house)


@pytest.fixture(scope="module")
def planted(house):
    return plant(house)


def code_of(body: bytes) -> str:
    found = _CODE.search(body)
    return next(group for group in found.groups() if group).decode() if found else ""


def user_without_policies(house, name="nobody"):
    iam = house.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_nobody_gets_anything_unsigned(house, callers):
    wrong = []
    for name, operation in EVERY:
        http = callers.http(name, operation, callers.made(name, operation))
        answer = house.request(http)
        code = code_of(answer.body + repr(answer.headers).encode())
        missing = "Missing Authentication Token" in answer.body.decode() or code.startswith("MissingAuth")
        allowed = missing or code in (
            REFUSED_UNSIGNED if (name, operation) in UNSIGNED else ("AccessDenied",)
        )
        if not (400 <= answer.status < 500 and allowed):
            wrong.append((name, operation, answer.status, code or answer.body[:200]))
    assert not wrong


@pytest.mark.parametrize("forged", ["secret", "body", "key", "token", "region", "cut", "empty"])
def test_nobody_gets_anything_with_a_signature_that_is_not_theirs(house, callers, forged):
    wrong = []
    for name, operation in EVERY:
        if (name, operation) in UNSIGNED:
            continue
        http = callers.http(name, operation, least(callers, name, operation))
        key = {
            "secret": (house.key[0], "not the secret"),
            "key": ("AKIAAAAAAAAAAAAAAAAA", "unknown"),
            "token": (*house.key, "bm8gdG9rZW4="),
        }.get(forged, house.key)
        callers.signed(http, name, key)
        spoil(http, forged)
        answer = house.request(http)
        if not 400 <= answer.status < 500:
            wrong.append((name, operation, answer.status, answer.body[:200]))
        assert house.key[1].encode() not in answer.body
    assert not wrong


def spoil(http: HttpRequest, forged: str) -> None:
    if forged == "body":
        http.body += b" "
        http.headers.append(("x-amz-further", "header"))
    for at, (key, value) in enumerate(http.headers):
        if key == "authorization":
            changed = {
                "region": value.replace("/us-east-1/", "/eu-west-1/"),
                "cut": value[:-1],
                "empty": re.sub("Signature=.*", "Signature=", value),
            }
            http.headers[at] = (key, changed.get(forged, value))


BESIDE: dict[str, dict[str, Any]] = {
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
    "GenerateDataKeyPair": {"KeyPairSpec": "RSA_2048"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "RSA_2048"},
    "RegisterManagedInstance": {"ResourceType": None},
    "RetireGrant": {"GrantToken": None},
    "CreatePolicy": {"Path": None},
    "CreateRole": {"Path": None},
    "CreateUser": {"Path": None},
    "CreateGroup": {"Path": None},
    "CreateInstanceProfile": {"Path": None},
    "CreateVirtualMFADevice": {"Path": None},
    "DescribeMaintenanceWindowSchedule": {"ResourceType": "INSTANCE"},
    "DescribeMaintenanceWindowsForTarget": {"ResourceType": "INSTANCE"},
    "RegisterTargetWithMaintenanceWindow": {"ResourceType": "INSTANCE"},
}
"""What the model does not say about requests that mean something; None: left out."""


def meant(callers, planted, name, operation):
    """Requests of the operation that name what was planted, each in another way."""
    shape = OPERATIONS[name, operation].model.input
    # `service.Member` is what a member means in that service, where it means something else elsewhere.
    meaning = planted | {key.split(".")[1]: planted[key] for key in planted if key.startswith(f"{name}.")}
    named = {member: values for member, values in meaning.items() if shape and member in shape.members}
    for turn in range(max([len(values) for values in named.values()], default=1)):
        members = {member: values[turn % len(values)] for member, values in named.items()}
        members |= BESIDE.get(operation, {})
        request = least(callers, name, operation, members)
        yield callers.http(name, operation, {k: v for k, v in request.items() if v is not None})


def whole(answer: HttpResponse) -> bytes:
    parts = b"".join(chunk for part in answer.files for chunk in part.chunks(1 << 20))
    return answer.body + parts + repr(answer.headers).encode()


def test_a_user_without_policies_is_denied_every_operation(house, callers, planted):
    key = user_without_policies(house)
    before = rows_of_others(house, "nobody")
    wrong = []
    for name, operation in EVERY:
        answers = [
            house.request(callers.signed(http, name, key))
            for http in meant(callers, planted, name, operation)
        ]
        codes = {code_of(whole(each)) or ("AccessDenied" if each.status == 403 else "") for each in answers}
        if (name, operation) in NOT_ASKED:
            assert 200 in [each.status for each in answers]
        elif (name, operation) in UNSIGNED:
            assert codes <= REFUSED_UNSIGNED
        elif not codes & REFUSED or (
            operation not in PER_ITEM and any(each.status < 400 for each in answers)
        ):
            wrong.append((name, operation, codes))
    assert not wrong
    assert not before - rows_of_others(house, "nobody")


def rows_of_others(house, member: str) -> set[tuple[Any, ...]]:
    """Every row in the store that does not name the member account."""
    changing = {"replicas", "lease", "iam_stamps", "outbox_aggregate", "outbox_event"}
    # SQLite counts rows by itself; a call of anybody adds one to the records that wait.
    changing |= {"sqlite_sequence"}
    store = sqlite3.connect(f"file:{house.file}?mode=ro", uri=True)
    tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {
        (table, *row)
        for table in tables
        if table not in changing
        for row in store.execute(f"SELECT * FROM {table}")
        if not any(isinstance(value, str) and member in value for value in row)
    }
    store.close()
    return rows


def test_an_administrator_of_another_account_sees_and_changes_nothing(house, callers, planted):
    member, key = member_of(house)
    before = rows_of_others(house, member)
    assert any(TREASURE in str(row) for row in before)
    wrong = []
    for name, operation in EVERY:
        for http in meant(callers, planted, name, operation):
            answer = house.request(callers.signed(http, name, key))
            if not is_an_error_of_aws(answer.status, answer.body) or shows_treasure(answer):
                wrong.append((name, operation, answer.status, answer.body[:300]))
    assert not wrong
    assert not before - rows_of_others(house, member)


def test_the_owner_sees_what_others_do_not(house, callers, planted):
    """The same requests: what the test above looks for is there to be seen."""
    shown = {
        (name, operation)
        for name, operation in EVERY
        if not OPERATIONS[name, operation].writes
        for http in meant(callers, planted, name, operation)
        if shows_treasure(house.request(callers.signed(http, name, house.key)))
    }
    assert shown >= {
        ("ssm", "GetParameter"),
        ("ssm", "GetDocument"),
        ("ssm", "ListCommands"),
        ("ssm", "ListTagsForResource"),
        ("ssm", "DescribeActivations"),
        ("kms", "Decrypt"),
        ("s3", "GetObject"),
        ("iam", "GetRole"),
        ("iam", "ListUserTags"),
        ("organizations", "DescribeOrganizationalUnit"),
        ("organizations", "DescribeHandshake"),
        ("organizations", "DescribePolicy"),
        ("organizations", "DescribeResourcePolicy"),
        ("organizations", "ListHandshakesForOrganization"),
        ("organizations", "ListTagsForResource"),
        ("ec2", "DescribeInstances"),
        ("ec2", "DescribeTags"),
        ("resource-groups", "GetGroup"),
        ("resource-groups", "GetTags"),
        ("resourcegroupstaggingapi", "GetResources"),
    }


def shows_treasure(answer: HttpResponse) -> bool:
    said = whole(answer)
    return TREASURE.encode() in said or base64.b64encode(TREASURE.encode()) in said


def test_headers_that_come_twice_never_let_an_unsigned_one_through(house):
    """The operation is named by a header: a second one must not be what runs while the first was signed."""
    callers = Callers(house)
    ssm = house.client("ssm")
    made = ssm.create_activation(IamRole="service-role/SSMServiceRole")
    for first in (True, False):
        http = callers.http("ssm", "DescribeActivations", {})
        callers.signed(http, "ssm", house.key)
        http.headers.insert(0 if first else len(http.headers), ("x-amz-target", "AmazonSSM.DeleteActivation"))
        answer = house.request(http)
        assert 400 <= answer.status < 500 and b"InvalidSignature" in answer.body
    left = [each["ActivationId"] for each in ssm.describe_activations()["ActivationList"]]
    assert made["ActivationId"] in left


def test_an_error_never_tells_a_secret(house):
    secret = house.key[1]
    with pytest.raises(ClientError) as raised:
        house.client("ssm", key=(house.key[0], secret + "x")).list_commands()
    assert secret not in str(raised.value.response)
