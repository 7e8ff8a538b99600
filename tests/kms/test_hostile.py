"""What somebody would try who wants more from keys than they are allowed."""

import json
import time

import pytest

from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest
from hostreeve.platform.kms.model import ciphertext
from tests.kms.conftest import policy, refused, root


def test_nobody_has_key_pairs_made_who_may_not_use_them(key, limited):
    nobody, _ = limited()
    started = time.process_time()
    for _ in range(8):
        assert refused(nobody.create_key, KeySpec="RSA_4096", KeyUsage="SIGN_VERIFY") == (
            "AccessDeniedException"
        )
        pair = {"KeyId": key, "KeyPairSpec": "RSA_4096"}
        assert refused(nobody.generate_data_key_pair, **pair) == "AccessDeniedException"
        assert refused(nobody.generate_data_key_pair_without_plaintext, **pair) == "AccessDeniedException"
    # One such pair alone takes longer.
    assert time.process_time() - started < 2


def test_a_ciphertext_with_made_up_parts_opens_nothing(kms, key, account):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    parts = ciphertext.read(blob)
    for number in (0, 2, 2**31, 2**32 - 1):
        head = ciphertext.head(account, parts.key_id, number, parts.head[-28:])
        code = refused(kms.decrypt, CiphertextBlob=head + parts.body)
        assert code in ("AccessDeniedException", "InvalidCiphertextException")
    beyond = b"\x01" + b"\xff" * 6 + blob[7:]
    assert refused(kms.decrypt, CiphertextBlob=beyond) == "AccessDeniedException"


@pytest.mark.parametrize("context", [{"\ud800": "x"}, {"x": "\udfff"}, {"x": "\u0000"}, {"": "x"}])
def test_texts_that_are_none_are_refused_as_input(house, key, context):
    body = json.dumps({"KeyId": key, "Plaintext": "cA==", "EncryptionContext": context}).encode()
    headers = {
        "host": "127.0.0.1:8443",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "TrentService.Encrypt",
    }
    signed = sign_headers(
        Outgoing("POST", "/", "", headers, body),
        Credentials(*house.key),
        region="us-east-1",
        service="kms",
        now_ms=house.world.now_ms(),
    )
    lines = [(name.lower(), value) for name, value in signed.items()]
    answer = house.request(HttpRequest("POST", "/", "", lines, body, client="127.0.0.1"))
    assert answer.status in (200, 400), answer.body


def test_whether_a_text_stays_under_its_key_can_be_a_condition(kms, limited, account):
    user, arn = limited()
    moving = {
        "Principal": {"AWS": arn},
        "Action": "kms:ReEncrypt*",
        "Condition": {"Bool": {"kms:ReEncryptOnSameKey": "true"}},
    }
    own, other = (
        kms.create_key(Policy=policy(root(account), moving))["KeyMetadata"]["KeyId"] for _ in range(2)
    )
    blob = kms.encrypt(KeyId=own, Plaintext=b"p", EncryptionContext={"a": "1"})["CiphertextBlob"]
    request = {"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}}
    alias = f"alias/{own}"
    kms.create_alias(AliasName=alias, TargetKeyId=own)
    for name in (own, f"arn:aws:kms:us-east-1:{account}:key/{own}", alias):
        assert user.re_encrypt(**request, DestinationKeyId=name)["KeyId"].endswith(own)
        assert user.re_encrypt(**request, SourceKeyId=name, DestinationKeyId=own)["KeyId"].endswith(own)
    for more in ({}, {"SourceKeyId": own}):
        assert refused(user.re_encrypt, **request, **more, DestinationKeyId=other) == "AccessDeniedException"


def test_a_key_pending_deletion_says_that_it_does_not_rotate_until_it_is_saved(kms, key):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    kms.schedule_key_deletion(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], "NextRotationDate" in status) == (False, False)
    kms.cancel_key_deletion(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)


def test_retirable_grants_are_listed_for_whom_the_caller_may_ask_about(kms, limited, account):
    mine = f"arn:aws:iam::{account}:user/mine"
    user, _ = limited({"Action": "kms:ListRetirableGrants", "Resource": mine})
    assert user.list_retirable_grants(RetiringPrincipal=mine)["Grants"] == []
    other = f"arn:aws:iam::{account}:user/other"
    assert refused(user.list_retirable_grants, RetiringPrincipal=other) == "AccessDeniedException"


def test_awss_own_key_is_there_as_soon_as_somebody_looks(house):
    region = {"region": "eu-north-1"}
    kms = house.client("kms", **region)
    assert kms.list_aliases()["Aliases"] == []
    shown = kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]
    assert (shown["KeyManager"], shown["KeyState"]) == ("AWS", "Enabled")
    assert kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"] == shown
    assert [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]] == ["alias/aws/ssm"]
    assert refused(kms.describe_key, KeyId="alias/aws/s3") == "NotFoundException"


def test_who_may_not_look_at_awss_own_key_is_refused(limited):
    iam_user, _ = limited()
    assert refused(iam_user.describe_key, KeyId="alias/aws/ssm") == "AccessDeniedException"


def test_awss_own_key_is_not_changed_by_anybody(kms):
    key = kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]
    for call, more in (
        (kms.disable_key, {}),
        (kms.schedule_key_deletion, {}),
        (kms.disable_key_rotation, {}),
        (kms.rotate_key_on_demand, {}),
        (kms.put_key_policy, {"Policy": policy({"Principal": "*", "Action": "kms:*"})}),
        (kms.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        (kms.update_key_description, {"Description": "mine"}),
        (kms.encrypt, {"Plaintext": b"p"}),
    ):
        assert refused(call, KeyId=key, **more) == "AccessDeniedException"
    assert refused(kms.delete_alias, AliasName="alias/aws/ssm") == "AccessDeniedException"
