"""Sign, Verify, GetPublicKey, GenerateMac, VerifyMac."""

import hmac
from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.kms.actions import finding, signing
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.actions.finding import Found
from hostreeve.platform.kms.model.refusals import dry_run, error
from hostreeve.platform.kms.model.specs import ENCRYPT, MAC, SIGN
from hostreeve.platform.kms.operations.service import check_common, kms

_RAW = "RAW"


@kms.reads("Sign", asks=True)
def sign(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found, algorithm = _found(call, request, "Sign", SIGN, "SigningAlgorithm")
    signature = signing.sign(
        call.keys,
        found,
        request["Message"],
        message_type=request.get("MessageType", _RAW),
        algorithm=algorithm,
    )
    if request.get("DryRun"):
        raise dry_run()
    return {"KeyId": found.key.arn, "Signature": signature, "SigningAlgorithm": algorithm}


@kms.reads("Verify", asks=True)
def verify(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found, algorithm = _found(call, request, "Verify", SIGN, "SigningAlgorithm")
    signing.verify(
        found,
        request["Message"],
        request["Signature"],
        message_type=request.get("MessageType", _RAW),
        algorithm=algorithm,
    )
    if request.get("DryRun"):
        raise dry_run()
    return {"KeyId": found.key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


@kms.reads("GetPublicKey", asks=True)
def get_public_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    check_common(call, request)
    found = finding.usable(call, request["KeyId"], Use("kms:GetPublicKey"))
    key = found.key
    if not found.material.public_key:
        raise error.UnsupportedOperationException(f"{key.arn} has no public key: it is {key.spec}.")
    members = {ENCRYPT: "EncryptionAlgorithms", SIGN: "SigningAlgorithms"}
    return {
        "KeyId": key.arn,
        "PublicKey": found.material.public_key,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        members[key.usage]: list(key.kind.algorithms(key.usage)),
    }


@kms.reads("GenerateMac", asks=True)
def generate_mac(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found, algorithm = _found(call, request, "GenerateMac", MAC, "MacAlgorithm")
    code = signing.mac(call.keys, found, request["Message"])
    if request.get("DryRun"):
        raise dry_run()
    return {"Mac": code, "MacAlgorithm": algorithm, "KeyId": found.key.arn}


@kms.reads("VerifyMac", asks=True)
def verify_mac(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found, algorithm = _found(call, request, "VerifyMac", MAC, "MacAlgorithm")
    if not hmac.compare_digest(signing.mac(call.keys, found, request["Message"]), request["Mac"]):
        raise error.KMSInvalidMacException()
    if request.get("DryRun"):
        raise dry_run()
    return {"KeyId": found.key.arn, "MacValid": True, "MacAlgorithm": algorithm}


def _found(
    call: Call, request: Mapping[str, Any], operation: str, usage: str, member: str
) -> tuple[Found, str]:
    """The key of the request, for this usage and by the algorithm that it names."""
    check_common(call, request)
    algorithm = request[member]
    facts = {f"kms:{member}": [algorithm]}
    if "MessageType" in request:
        facts["kms:MessageType"] = [request["MessageType"]]
    found = finding.usable(call, request["KeyId"], Use(f"kms:{operation}", facts=facts))
    key = found.key
    if key.usage != usage:
        raise error.InvalidKeyUsageException(
            f"{key.arn} key usage is {key.usage} which is not valid for {operation}."
        )
    if algorithm not in key.kind.algorithms(usage):
        raise error.InvalidKeyUsageException(
            f"Algorithm {algorithm} is incompatible with key spec {key.spec}."
        )
    return found, algorithm
