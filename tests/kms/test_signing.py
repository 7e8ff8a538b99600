"""Signatures and codes, checked by a library that knows nothing of us."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from hostreeve.kernel.scope import Scope
from hostreeve.platform.kms.actions import material
from hostreeve.platform.kms.store import keys as rows
from tests.kms.conftest import refused

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
EC = {
    "ECC_NIST_P256": "ECDSA_SHA_256",
    "ECC_NIST_P384": "ECDSA_SHA_384",
    "ECC_NIST_P521": "ECDSA_SHA_512",
    "ECC_SECG_P256K1": "ECDSA_SHA_256",
}


@pytest.fixture(scope="module")
def rsa(house):
    return house.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]


@pytest.mark.parametrize("bits", ["256", "384", "512"])
@pytest.mark.parametrize("kind", ["PSS", "PKCS1_V1_5"])
def test_rsa_signatures_are_true(kms, rsa, kind, bits):
    algorithm = f"RSASSA_{kind}_SHA_{bits}"
    signature = kms.sign(KeyId=rsa, Message=b"m", SigningAlgorithm=algorithm)["Signature"]
    shown = kms.get_public_key(KeyId=rsa)
    assert algorithm in shown["SigningAlgorithms"]
    digest = HASHES[bits]
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    load_der_public_key(shown["PublicKey"]).verify(
        signature, b"m", pss if kind == "PSS" else padding.PKCS1v15(), digest
    )
    answer = kms.verify(KeyId=rsa, Message=b"m", Signature=signature, SigningAlgorithm=algorithm)
    assert answer["SignatureValid"] is True


@pytest.mark.parametrize("spec", EC)
def test_elliptic_signatures_are_true(kms, spec):
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    assert key["SigningAlgorithms"] == [EC[spec]]
    digest = HASHES[EC[spec][-3:]]
    hashed = hashlib.new(digest.name, b"m").digest()
    asked = {"KeyId": key["KeyId"], "SigningAlgorithm": EC[spec]}
    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    for message in ({"Message": b"m"}, {"Message": hashed, "MessageType": "DIGEST"}):
        signature = kms.sign(**asked, **message)["Signature"]
        public.verify(signature, b"m", ec.ECDSA(digest))
        assert kms.verify(**asked, **message, Signature=signature)["SignatureValid"]
    assert refused(kms.verify, **asked, Message=b"n", Signature=signature) == "KMSInvalidSignatureException"
    assert refused(kms.verify, **asked, Message=b"m", Signature=b"x") == "KMSInvalidSignatureException"


def test_signing_keeps_to_the_key_and_the_digest(kms, key, rsa):
    pss = {"SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    assert refused(kms.sign, KeyId=key, Message=b"m", **pss) == "InvalidKeyUsageException"
    ecdsa = {"SigningAlgorithm": "ECDSA_SHA_256"}
    assert refused(kms.sign, KeyId=rsa, Message=b"m", **ecdsa) == "InvalidKeyUsageException"
    short = {"Message": b"m", "MessageType": "DIGEST"}
    assert refused(kms.sign, KeyId=rsa, **short, **pss) == "ValidationException"
    assert refused(kms.sign, KeyId=rsa, Message=b"m", **pss, DryRun=True) == "DryRunOperationException"
    oaep = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert refused(kms.encrypt, KeyId=rsa, Plaintext=b"p", **oaep) == "InvalidKeyUsageException"
    assert refused(kms.rotate_key_on_demand, KeyId=rsa) == "UnsupportedOperationException"
    assert refused(kms.enable_key_rotation, KeyId=rsa) == "UnsupportedOperationException"
    assert kms.get_key_rotation_status(KeyId=rsa)["KeyRotationEnabled"] is False


@pytest.mark.parametrize("bits", ["224", "256", "384", "512"])
def test_codes_are_verified(kms, bits):
    key = kms.create_key(KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    asked = {"KeyId": key["KeyId"], "MacAlgorithm": f"HMAC_SHA_{bits}"}
    assert key["MacAlgorithms"] == [asked["MacAlgorithm"]]
    code = kms.generate_mac(Message=b"m", **asked)["Mac"]
    assert len(code) == int(bits) // 8
    assert kms.verify_mac(Message=b"m", Mac=code, **asked)["MacValid"] is True
    assert refused(kms.verify_mac, Message=b"n", Mac=code, **asked) == "KMSInvalidMacException"
    other = {**asked, "MacAlgorithm": "HMAC_SHA_224" if bits != "224" else "HMAC_SHA_256"}
    assert refused(kms.generate_mac, Message=b"m", **other) == "InvalidKeyUsageException"


def test_a_code_is_the_hmac_of_the_keys_own_bytes(kms, house):
    made = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    code = kms.generate_mac(KeyId=made["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    where = Scope(made["AWSAccountId"], "us-east-1")
    stored = house.app.database.read_sync(lambda tx: rows.find(tx, where, made["KeyId"]))
    secret = material.secret(house.keys, stored.key, stored.material)
    assert hmac.digest(secret, b"m", "sha256") == code
