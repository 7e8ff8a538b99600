"""Each row of the table of differences from AWS, in the order of the page."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.kms.conftest import refused
from tests.tables import first_cells

PROOFS = {}


def row(about):
    def keep(proof):
        PROOFS[about] = proof
        return proof

    return keep


def test_every_row_has_its_proof():
    assert first_cells("kms.md", "Where it differs from AWS") == list(PROOFS)


@pytest.mark.parametrize("about", first_cells("kms.md", "Where it differs from AWS"))
def test_it_is_as_the_row_says(kms, key, about, house, account):
    PROOFS[about](kms, key, house, account)


def named(call, code, what, **request):
    """Refused by that code, with words that name what is not there."""
    with pytest.raises(ClientError) as told:
        call(**request)
    assert told.value.response["Error"]["Code"] == code
    assert what in told.value.response["Error"]["Message"], told.value


@row("multi-Region keys, imported key material, custom key stores, attested enclaves (`Recipient`)")
def _(kms, key, house, account):
    no = "UnsupportedOperationException"
    named(kms.create_key, no, "multi-Region keys", MultiRegion=True)
    named(kms.replicate_key, no, "multi-Region keys", KeyId=key, ReplicaRegion="eu-west-1")
    named(kms.create_key, no, "imported key material", Origin="EXTERNAL")
    how = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    named(kms.get_parameters_for_import, no, "imported key material", KeyId=key, **how)
    material = {"ImportToken": b"t", "EncryptedKeyMaterial": b"m"}
    named(kms.import_key_material, no, "imported key material", KeyId=key, **material)
    named(kms.create_key, no, "custom key stores", Origin="AWS_CLOUDHSM")
    named(kms.create_key, no, "custom key stores", Origin="EXTERNAL_KEY_STORE", XksKeyId="x")
    named(kms.create_custom_key_store, no, "custom key stores", CustomKeyStoreName="s")
    enclave = {"AttestationDocument": b"d", "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    named(kms.generate_data_key, no, "enclaves", KeyId=key, KeySpec="AES_256", Recipient=enclave)


@row("grants to services (`GranteeServicePrincipal`, `SourceArn`)")
def _(kms, key, house, account):
    no, grant = "UnsupportedOperationException", {"KeyId": key, "Operations": ["Decrypt"]}
    named(kms.create_grant, no, "services", **grant, GranteeServicePrincipal="ssm.amazonaws.com")
    user = f"arn:aws:iam::{account}:root"
    source = {"SourceArn": f"arn:aws:ssm:us-east-1:{account}:parameter/x"}
    named(kms.create_grant, no, "services", **grant, GranteePrincipal=user, Constraints=source)


@row("SM2, ML-DSA, ML-KEM, Ed25519, key agreement")
def _(kms, key, house, account):
    no = "UnsupportedOperationException"
    for spec in ("SM2", "ML_DSA_44", "ECC_NIST_EDWARDS25519"):
        named(kms.create_key, no, spec, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    specs = kms.meta.service_model.shape_for("KeySpec").enum
    for spec in (spec for spec in specs if spec.startswith("ML_KEM")):
        named(kms.create_key, no, spec, KeySpec=spec, KeyUsage="KEY_AGREEMENT")
    agreement = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
    named(kms.create_key, no, "key agreement", **agreement)


@row("`DeriveSharedSecret`, `Encapsulate`, `Decapsulate`, `GetKeyLastUsage`")
def _(kms, key, house, account):
    more = {"KeyAgreementAlgorithm": "ECDH", "PublicKey": b"k"}
    named(kms.derive_shared_secret, "NotImplemented", "DeriveSharedSecret", KeyId=key, **more)
    named(kms.get_key_last_usage, "NotImplemented", "GetKeyLastUsage", KeyId=key)
    kem = {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM_768"}
    named(kms.encapsulate, "NotImplemented", "Encapsulate", **kem)
    named(kms.decapsulate, "NotImplemented", "Decapsulate", **kem, SharedSecretCiphertextBlob=b"c")


@row("AWS-managed keys")
def _(kms, key, house, account):
    assert json.loads(kms.get_key_policy(KeyId=_managed(kms))["Policy"])["Id"] == "auto-ssm-1"
    for service in ("s3", "ebs", "secretsmanager"):
        assert refused(kms.describe_key, KeyId=f"alias/aws/{service}") == "NotFoundException"


def _managed(kms):
    return kms.describe_key(KeyId="alias/aws/ssm")["KeyMetadata"]["KeyId"]
