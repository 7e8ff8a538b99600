"""Every error that the service model declares for an operation of kms: seen, or said why it cannot be."""

import uuid
from functools import partial

import pytest

from hostreeve.api.service_models import service
from hostreeve.platform.kms.model.grants import GRANTS_MAX
from hostreeve.platform.kms.model.key import ALIASES_MAX, KEYS_MAX, ON_DEMAND_MAX
from hostreeve.platform.kms.operations import kms as OPERATIONS
from hostreeve.platform.kms.operations.refused import ABSENT
from tests.kms.conftest import policy, refused, root

MODEL = service("kms")
NOBODY = str(uuid.UUID(int=1))
NO_ARN = "arn:aws:kms:us-east-1:123456789012:nonsense/x"

NEVER = {
    "KMSInternalException": "a fault of ours is InternalFailure for every service",
    "DependencyTimeoutException": "there is nothing that keys wait for",
    "KeyUnavailableException": "secrets lie in the same database as their keys",
    "CustomKeyStoreNotFoundException": "custom key stores are refused by UnsupportedOperationException",
    "CustomKeyStoreInvalidStateException": "the same",
    "CloudHsmClusterInvalidConfigurationException": "the same",
    "XksKeyInvalidConfigurationException": "the same",
    "XksKeyAlreadyInUseException": "the same",
    "XksKeyNotFoundException": "the same",
}
NOT_HERE = {
    ("CreateKey", "InvalidArnException"): "no member of the request is an ARN",
    ("DeleteAlias", "KMSInvalidStateException"): "AWS deletes aliases of keys in any state",
    ("EnableKey", "LimitExceededException"): "enabled keys are not counted",
    ("GenerateRandom", "UnsupportedOperationException"): "seen in test_encrypting",
    ("GetKeyPolicy", "KMSInvalidStateException"): "AWS shows policies in any state",
    ("GetKeyRotationStatus", "KMSInvalidStateException"): "AWS tells false while a key is pending deletion",
    ("GetKeyRotationStatus", "UnsupportedOperationException"): "AWS tells false for keys that never rotate",
    ("GetPublicKey", "InvalidKeyUsageException"): "every usage of a key pair shows its public half",
    ("ListGrants", "InvalidGrantIdException"): "an unknown grant is an empty list",
    ("ListGrants", "KMSInvalidStateException"): "AWS lists grants of keys in any state",
    ("ListKeyPolicies", "KMSInvalidStateException"): "AWS lists policies in any state",
    ("ListKeyRotations", "KMSInvalidStateException"): "AWS lists rotations in any state",
    ("ListRetirableGrants", "NotFoundException"): "whether a principal exists is not asked",
    ("PutKeyPolicy", "KMSInvalidStateException"): "AWS changes policies of keys in any state",
    ("PutKeyPolicy", "UnsupportedOperationException"): "every key has a policy to put",
    ("RetireGrant", "KMSInvalidStateException"): "AWS retires grants of keys in any state",
    ("RevokeGrant", "KMSInvalidStateException"): "AWS revokes grants of keys in any state",
    ("RotateKeyOnDemand", "ConflictException"): "a rotation is over when it is answered",
    ("CreateGrant", "LimitExceededException"): f"it takes {GRANTS_MAX} grants",
    ("CreateKey", "LimitExceededException"): f"it takes {KEYS_MAX} keys",
}


class Keys:
    """Keys in every state and of every kind, and requests that would succeed with them."""

    def __init__(self, house):
        self.kms = kms = house.client("kms")
        self.account = house.client("sts").get_caller_identity()["Account"]
        self.made = partial(self._made, kms)
        self.symmetric, self.disabled, self.pending = self.made(), self.made(), self.made()
        self.signing = self.made(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.codes = self.made(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        self.blob = kms.encrypt(KeyId=self.symmetric, Plaintext=b"p")["CiphertextBlob"]
        self.alias = "alias/errors"
        kms.create_alias(AliasName=self.alias, TargetKeyId=self.symmetric)
        self.user = house.client("iam").create_user(UserName="somebody")["User"]["Arn"]
        for key in (self.disabled, self.pending):
            kms.create_alias(AliasName=f"alias/{key}", TargetKeyId=key)
        self.of_disabled = kms.encrypt(KeyId=self.disabled, Plaintext=b"p")["CiphertextBlob"]
        self.of_pending = kms.encrypt(KeyId=self.pending, Plaintext=b"p")["CiphertextBlob"]
        kms.disable_key(KeyId=self.disabled)
        kms.schedule_key_deletion(KeyId=self.pending)

    @staticmethod
    def _made(kms, **how):
        return kms.create_key(**how)["KeyMetadata"]["KeyId"]

    def gone_to(self, state, spec, usage):
        key = self.made(KeySpec=spec, KeyUsage=usage)
        if state == "pending":
            self.kms.schedule_key_deletion(KeyId=key)
        else:
            self.kms.disable_key(KeyId=key)
        return key

    def grant(self):
        made = self.kms.create_grant(
            KeyId=self.symmetric, GranteePrincipal=self.user, Operations=["Decrypt"], Name=str(uuid.uuid4())
        )
        return made["GrantId"], made["GrantToken"]

    def request(self, operation):
        """One that the administrator may make, and that succeeds."""
        sign = {"KeyId": self.signing, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
        mac = {"KeyId": self.codes, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
        key = {"KeyId": self.symmetric}
        pair = key | {"KeyPairSpec": "ECC_NIST_P256"}
        return {
            "CancelKeyDeletion": key,
            "CreateAlias": {"AliasName": "alias/new", "TargetKeyId": self.symmetric},
            "CreateGrant": key | {"GranteePrincipal": self.user, "Operations": ["Decrypt"]},
            "CreateKey": {},
            "Decrypt": key | {"CiphertextBlob": self.blob},
            "DeleteAlias": {"AliasName": "alias/none"},
            "Encrypt": key | {"Plaintext": b"p"},
            "GenerateDataKey": key | {"KeySpec": "AES_256"},
            "GenerateDataKeyWithoutPlaintext": key | {"KeySpec": "AES_256"},
            "GenerateDataKeyPair": pair,
            "GenerateDataKeyPairWithoutPlaintext": pair,
            "GenerateMac": mac,
            "GetPublicKey": {"KeyId": self.signing},
            "ListRetirableGrants": {"RetiringPrincipal": self.user},
            "ListAliases": {},
            "ListKeys": {},
            "PutKeyPolicy": key | {"Policy": policy(root(self.account))},
            "ReEncrypt": {"CiphertextBlob": self.blob, "DestinationKeyId": self.symmetric},
            "Sign": sign,
            "TagResource": key | {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
            "UntagResource": key | {"TagKeys": ["a"]},
            "UpdateAlias": {"AliasName": self.alias, "TargetKeyId": self.symmetric},
            "UpdateKeyDescription": key | {"Description": "d"},
            "Verify": sign | {"Signature": b"s"},
            "VerifyMac": mac | {"Mac": b"m" * 32},
        }.get(operation, key)


@pytest.fixture(scope="module")
def keys(house):
    return Keys(house)


def named_key(operation, request, key):
    """The request about another key."""
    if operation == "ReEncrypt":
        return request | {"DestinationKeyId": key}
    return request | {"TargetKeyId" if "TargetKeyId" in request else "KeyId": key}


def not_found(keys, operation):
    if operation == "DeleteAlias":
        return {"AliasName": "alias/none"}
    request = keys.request(operation)
    if operation == "RetireGrant":
        return {"KeyId": f"arn:aws:kms:us-east-1:{keys.account}:key/{NOBODY}", "GrantId": "g"}
    if operation == "RevokeGrant":
        request = request | {"GrantId": "g"}
    return named_key(operation, request, NOBODY)


def no_arn(keys, operation):
    if operation == "ListRetirableGrants":
        return {"RetiringPrincipal": "somebody"}
    request = keys.request(operation)
    more = {"GrantId": "g"} if operation in ("RevokeGrant", "RetireGrant") else {}
    return named_key(operation, request | more, NO_ARN)


def in_state(keys, operation, state):
    spec = {"Sign": "ECC_NIST_P256", "Verify": "ECC_NIST_P256", "GetPublicKey": "ECC_NIST_P256"}
    mac = operation in ("GenerateMac", "VerifyMac")
    request = keys.request(operation)
    if operation == "Decrypt":
        blob = keys.of_pending if state == "pending" else keys.of_disabled
        return {"CiphertextBlob": blob}
    if operation == "CancelKeyDeletion":
        return {"KeyId": keys.symmetric}
    if operation in spec or mac:
        kind = ("HMAC_256", "GENERATE_VERIFY_MAC") if mac else (spec[operation], "SIGN_VERIFY")
        return request | {"KeyId": keys.gone_to(state, *kind)}
    return named_key(operation, request, keys.pending if state == "pending" else keys.disabled)


def other_usage(keys, operation):
    key = keys.symmetric if operation in ("Sign", "Verify", "GenerateMac", "VerifyMac") else keys.codes
    return named_key(operation, keys.request(operation), key)


def unsupported(keys, operation):
    if operation == "CreateKey":
        return {"MultiRegion": True}
    if operation.startswith("GenerateDataKeyPair"):
        return {"KeyId": keys.symmetric, "KeyPairSpec": "SM2"}
    return {"KeyId": keys.codes if operation == "GetPublicKey" else keys.signing}


def too_many(keys, operation):
    if operation in ("CreateAlias", "UpdateAlias"):
        key = keys.made()
        for number in range(ALIASES_MAX):
            keys.kms.create_alias(AliasName=f"alias/{key}/{number}", TargetKeyId=key)
        return {"AliasName": "alias/more" if operation == "CreateAlias" else keys.alias, "TargetKeyId": key}
    if operation == "PutKeyPolicy":
        long = policy({"Sid": "a" * 32_768, **root(keys.account)})
        return {"KeyId": keys.symmetric, "Policy": long}
    if operation == "RotateKeyOnDemand":
        key = keys.made()
        for _ in range(ON_DEMAND_MAX):
            keys.kms.rotate_key_on_demand(KeyId=key)
        return {"KeyId": key}
    assert operation == "TagResource"
    return {"KeyId": keys.made(), "Tags": [{"TagKey": f"t{n}", "TagValue": ""} for n in range(51)]}


def dry(keys, operation):
    if operation == "RetireGrant":
        return {"GrantToken": keys.grant()[1], "DryRun": True}
    if operation == "RevokeGrant":
        return {"KeyId": keys.symmetric, "GrantId": keys.grant()[0], "DryRun": True}
    request = keys.request(operation)
    if operation == "Verify":
        request["Signature"] = keys.kms.sign(**keys.request("Sign"))["Signature"]
    if operation == "VerifyMac":
        request["Mac"] = keys.kms.generate_mac(**keys.request("GenerateMac"))["Mac"]
    return request | {"DryRun": True}


def false_token(keys, operation):
    more = {"GrantToken": "x"} if operation == "RetireGrant" else {"GrantTokens": ["x"]}
    return more if operation == "RetireGrant" else keys.request(operation) | more


def unknown_grant(keys, operation):
    return {"KeyId": f"arn:aws:kms:us-east-1:{keys.account}:key/{keys.symmetric}", "GrantId": "g"}


WAYS = {
    "NotFoundException": not_found,
    "InvalidArnException": no_arn,
    "DisabledException": partial(in_state, state="disabled"),
    "KMSInvalidStateException": partial(in_state, state="pending"),
    "InvalidKeyUsageException": other_usage,
    "UnsupportedOperationException": unsupported,
    "LimitExceededException": too_many,
    "DryRunOperationException": dry,
    "InvalidGrantTokenException": false_token,
    "InvalidGrantIdException": unknown_grant,
    "InvalidMarkerException": lambda keys, operation: keys.request(operation) | {"Marker": "x"},
    "InvalidCiphertextException": lambda keys, operation: keys.request(operation) | {"CiphertextBlob": b"x"},
    "IncorrectKeyException": lambda keys, operation: (
        {"CiphertextBlob": keys.blob, "KeyId": keys.made()}
        if operation == "Decrypt"
        else keys.request(operation) | {"SourceKeyId": keys.made()}
    ),
    "MalformedPolicyDocumentException": lambda keys, operation: keys.request(operation) | {"Policy": "{}"},
    "TagException": lambda keys, operation: (
        keys.request(operation)
        | (
            {"TagKeys": ["aws:a"]}
            if operation == "UntagResource"
            else {"Tags": [{"TagKey": "aws:a", "TagValue": ""}]}
        )
    ),
    "AlreadyExistsException": lambda keys, operation: keys.request(operation) | {"AliasName": keys.alias},
    "InvalidAliasNameException": lambda keys, operation: (
        keys.request(operation) | {"AliasName": "alias/aws/x"}
    ),
    "KMSInvalidSignatureException": lambda keys, operation: keys.request(operation),
    "KMSInvalidMacException": lambda keys, operation: keys.request(operation),
}


def declared():
    absent = {name for names in ABSENT.values() for name in names}
    for operation in OPERATIONS:
        if operation.name not in absent:
            for code in operation.model.error_shapes:
                yield operation.name, code


@pytest.mark.parametrize(
    ("operation", "code"),
    [pair for pair in declared() if pair[1] not in NEVER and pair not in NOT_HERE],
    ids=lambda said: said,
)
def test_a_declared_error_is_answered(keys, operation, code):
    request = WAYS[code](keys, operation)
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
    assert refused(getattr(keys.kms, method), **request) == code


def test_what_is_said_to_be_out_of_reach_is_declared():
    pairs = set(declared())
    assert set(NOT_HERE) <= pairs
    assert set(NEVER) <= {code for _, code in pairs}
