"""Encrypting and decrypting: what comes back, and all the ways in which it does not."""

import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.kernel.scope import Scope
from hostreeve.platform.kms.actions import material
from hostreeve.platform.kms.model import ciphertext
from hostreeve.platform.kms.store import keys as key_rows
from tests.kms.conftest import refused

CONTEXT = {"App": "web", "Stage": "prod"}


@pytest.fixture(scope="module")
def rsa(house):
    answer = house.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    return answer["KeyMetadata"]["Arn"]


def test_what_was_encrypted_is_decrypted_in_the_same_context(kms, key):
    made = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)
    assert made["KeyId"] == key and made["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert b"secret" not in made["CiphertextBlob"]
    turned = dict(reversed(CONTEXT.items()))
    for named in ({}, {"KeyId": key}):
        answer = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=turned, **named)
        assert (answer["Plaintext"], answer["KeyId"]) == (b"secret", key)
    material = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert answer["KeyMaterialId"] == material


def test_the_same_text_is_never_encrypted_alike(kms, key):
    assert len({kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "context", [{}, {"App": "web"}, {**CONTEXT, "More": ""}, {"App": "web", "Stage": "test"}]
)
def test_another_context_opens_nothing(kms, key, context):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=CONTEXT)["CiphertextBlob"]
    code = refused(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
    assert code == "InvalidCiphertextException"


def test_no_changed_byte_goes_unnoticed(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        assert refused(kms.decrypt, CiphertextBlob=changed, KeyId=key) in (
            "InvalidCiphertextException",
            "IncorrectKeyException",
        ), at
        assert refused(kms.decrypt, CiphertextBlob=changed) in (
            "InvalidCiphertextException",
            "AccessDeniedException",
        ), at


@pytest.mark.parametrize("blob", [b"x", b"\x01" + bytes(70), bytes(6144)])
def test_garbage_is_no_ciphertext(kms, key, blob):
    assert refused(kms.decrypt, CiphertextBlob=blob, KeyId=key) in (
        "InvalidCiphertextException",
        "IncorrectKeyException",
    )
    assert refused(kms.decrypt, CiphertextBlob=blob) in (
        "InvalidCiphertextException",
        "AccessDeniedException",
    )


def test_another_key_is_the_incorrect_one(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    assert refused(kms.decrypt, CiphertextBlob=blob, KeyId=other) == "IncorrectKeyException"


def test_a_request_without_ciphertext_is_for_dry_runs(kms, key):
    assert refused(kms.decrypt, KeyId=key) == "ValidationException"
    asked = {"KeyId": key, "DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    assert refused(kms.decrypt, **asked) == "DryRunOperationException"


def test_what_is_too_large_is_refused(kms, key):
    kms.encrypt(KeyId=key, Plaintext=b"p" * 4096)
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"p" * 4097) == "ValidationException"
    large = {"KeyId": key, "Plaintext": b"p", "EncryptionContext": {"a": "x" * 8192}}
    assert refused(kms.encrypt, **large) == "ValidationException"


def test_data_keys_come_plain_and_encrypted(kms, key):
    for asked, size in (
        ({"KeySpec": "AES_128"}, 16),
        ({"KeySpec": "AES_256"}, 32),
        ({"NumberOfBytes": 7}, 7),
    ):
        made = kms.generate_data_key(KeyId=key, EncryptionContext=CONTEXT, **asked)
        assert len(made["Plaintext"]) == size
        opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
        assert opened["Plaintext"] == made["Plaintext"]
    sealed = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=5)
    assert "Plaintext" not in sealed
    assert len(kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"]) == 5


@pytest.mark.parametrize("asked", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_a_data_key_has_one_size(kms, key, asked):
    assert refused(kms.generate_data_key, KeyId=key, **asked) == "ValidationException"


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P384"])
def test_data_key_pairs_belong_together(kms, key, spec):
    made = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)
    opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert opened == made["PrivateKeyPlaintext"]
    public = load_der_public_key(made["PublicKey"])
    assert load_der_private_key(opened, None).public_key() == public
    sealed = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in sealed
    unknown = {"KeyId": key, "KeyPairSpec": "SM2"}
    assert refused(kms.generate_data_key_pair, **unknown) == "UnsupportedOperationException"


def test_random_bytes_are_as_many_as_asked_for(kms):
    assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
    assert (
        kms.generate_random(NumberOfBytes=16)["Plaintext"]
        != kms.generate_random(NumberOfBytes=16)["Plaintext"]
    )
    assert refused(kms.generate_random) == "ValidationException"
    assert refused(kms.generate_random, NumberOfBytes=1025) == "ValidationException"


def test_re_encryption_changes_key_and_context(kms, key):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=other,
        DestinationEncryptionContext={"New": "yes"},
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"New": "yes"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"p", other)


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("encrypt", {"Plaintext": b"p"}),
        ("generate_data_key", {"KeySpec": "AES_256"}),
        ("generate_data_key_without_plaintext", {"KeySpec": "AES_256"}),
        ("generate_data_key_pair", {"KeyPairSpec": "RSA_4096"}),
    ],
)
def test_a_dry_run_does_nothing_and_says_so(kms, key, operation, request_):
    code = refused(getattr(kms, operation), KeyId=key, DryRun=True, **request_)
    assert code == "DryRunOperationException"


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_what_anybody_encrypts_to_a_public_key_the_key_decrypts(kms, rsa, algorithm):
    shown = kms.get_public_key(KeyId=rsa)
    assert shown["KeySpec"] == "RSA_2048" and algorithm in shown["EncryptionAlgorithms"]
    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    public = load_der_public_key(shown["PublicKey"])
    theirs = public.encrypt(b"from outside", padding.OAEP(padding.MGF1(digest), digest, None))
    ours = kms.encrypt(KeyId=rsa, Plaintext=b"from inside", EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    for blob, text in ((theirs, b"from outside"), (ours, b"from inside")):
        opened = kms.decrypt(CiphertextBlob=blob, KeyId=rsa, EncryptionAlgorithm=algorithm)
        assert opened["Plaintext"] == text and "KeyMaterialId" not in opened


def test_asymmetric_keys_have_their_own_rules(kms, key, rsa):
    oaep = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert refused(kms.encrypt, KeyId=rsa, Plaintext=b"p") == "InvalidKeyUsageException"
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"p", **oaep) == "InvalidKeyUsageException"
    assert refused(kms.encrypt, KeyId=rsa, Plaintext=b"p" * 191, **oaep) == "ValidationException"
    context = {"EncryptionContext": {"a": "b"}}
    assert refused(kms.encrypt, KeyId=rsa, Plaintext=b"p", **oaep, **context) == "ValidationException"
    assert refused(kms.decrypt, CiphertextBlob=b"x" * 256, **oaep) == "ValidationException"
    garbage = {"CiphertextBlob": b"x" * 256, "KeyId": rsa}
    assert refused(kms.decrypt, **garbage, **oaep) == "InvalidCiphertextException"
    assert refused(kms.generate_data_key, KeyId=rsa, KeySpec="AES_256") == "InvalidKeyUsageException"
    assert refused(kms.get_public_key, KeyId=key) == "UnsupportedOperationException"


def test_enclaves_are_refused_by_name(kms, key):
    recipient = {"Recipient": {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x"}}
    code = refused(kms.generate_data_key, KeyId=key, KeySpec="AES_256", **recipient)
    assert code == "UnsupportedOperationException"


def test_each_message_has_a_key_of_its_own_derived_as_the_format_says(kms, key, house, account):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=CONTEXT)["CiphertextBlob"]
    scope = Scope(account, "us-east-1")
    stored = house.app.database.read_sync(lambda tx: key_rows.find(tx, scope, key.rpartition("/")[2]))
    secret = material.secret(house.keys, stored.key, stored.material)
    head, salt, nonce, body = blob[:55], blob[27:43], blob[43:55], blob[55:]
    message_key = hmac.digest(secret, b"hostreeve/kms/1/" + salt, "sha256")
    bound = b"".join(
        len(text).to_bytes(4, "big") + text for text in (b"us-east-1", b"App", b"web", b"Stage", b"prod")
    )
    assert AESGCM(message_key).decrypt(nonce, body, head + bound) == b"p"


@given(st.binary(max_size=200))
def test_reading_any_bytes_answers_parts_or_nothing(blob):
    parts = ciphertext.read(blob)
    assert parts is None or parts.head + parts.body == blob


@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3), min_size=2, max_size=2),
    st.lists(st.sampled_from(["us-east-1", "eu-west-1"]), min_size=2, max_size=2),
)
def test_two_contexts_are_bound_alike_only_if_they_are_alike(contexts, regions):
    bound = [ciphertext.bound(region, context) for region, context in zip(regions, contexts, strict=True)]
    same = contexts[0] == contexts[1] and regions[0] == regions[1]
    assert (bound[0] == bound[1]) == same
