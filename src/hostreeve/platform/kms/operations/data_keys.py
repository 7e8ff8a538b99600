"""Data keys: fresh secrets, given out plain and encrypted, with which callers encrypt what is large."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.kernel.world import World
from hostreeve.platform.kms.actions import encrypting, finding
from hostreeve.platform.kms.actions import material as secrets_of
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.actions.finding import Found
from hostreeve.platform.kms.actions.making import PREPARED
from hostreeve.platform.kms.model.refusals import dry_run, invalid, unsupported
from hostreeve.platform.kms.model.specs import PAIR_SPECS, SPECS, SYMMETRIC
from hostreeve.platform.kms.operations.service import check_common, kms

_SIZES = {"AES_128": 16, "AES_256": 32}


@kms.reads("GenerateDataKey", asks=True)
def generate_data_key(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    answer, plaintext = _data_key(call, request, "GenerateDataKey")
    return answer | {"Plaintext": plaintext}


@kms.reads("GenerateDataKeyWithoutPlaintext", asks=True)
def generate_data_key_without_plaintext(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    answer, _ = _data_key(call, request, "GenerateDataKeyWithoutPlaintext")
    return answer


def prepare_pair(world: World, request: dict[str, Any]) -> dict[str, Any]:
    """Make the pair; an RSA one takes up to seconds."""
    return request | {PREPARED: secrets_of.made(world, SPECS[request["KeyPairSpec"]])}


def may_pair(call: Call, request: dict[str, Any]) -> None:
    _found_for_pair(call, request, "GenerateDataKeyPair")


def may_pair_without_plaintext(call: Call, request: dict[str, Any]) -> None:
    _found_for_pair(call, request, "GenerateDataKeyPairWithoutPlaintext")


# They change nothing, but only an operation that writes is prepared outside of its transaction.
@kms.writes("GenerateDataKeyPair", asks=True, prepares=prepare_pair, begins=may_pair)
def generate_data_key_pair(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    answer, plaintext = _pair(call, request, "GenerateDataKeyPair")
    return answer | {"PrivateKeyPlaintext": plaintext}


@kms.writes(
    "GenerateDataKeyPairWithoutPlaintext",
    asks=True,
    prepares=prepare_pair,
    begins=may_pair_without_plaintext,
)
def generate_data_key_pair_without_plaintext(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    answer, _ = _pair(call, request, "GenerateDataKeyPairWithoutPlaintext")
    return answer


def _data_key(call: Call, request: Mapping[str, Any], operation: str) -> tuple[dict[str, Any], bytes]:
    check_common(call, request)
    if ("KeySpec" in request) == ("NumberOfBytes" in request):
        raise invalid("Give either KeySpec or NumberOfBytes, and not both.")
    size = _SIZES[request["KeySpec"]] if "KeySpec" in request else request["NumberOfBytes"]
    found = _found(call, request, operation, {})
    plaintext = call.world.token(size)
    return {
        "CiphertextBlob": encrypting.seal(call, found, plaintext, request.get("EncryptionContext", {})),
        "KeyId": found.key.arn,
        "KeyMaterialId": found.material.material_id,
    }, plaintext


def _pair(call: Call, request: Mapping[str, Any], operation: str) -> tuple[dict[str, Any], bytes]:
    spec = request["KeyPairSpec"]
    found = _found_for_pair(call, request, operation)
    made = request.get(PREPARED) or secrets_of.made(call.world, SPECS[spec])
    sealed = encrypting.seal(call, found, made.secret, request.get("EncryptionContext", {}))
    return {
        "PrivateKeyCiphertextBlob": sealed,
        "PublicKey": made.public_key,
        "KeyId": found.key.arn,
        "KeyPairSpec": spec,
        "KeyMaterialId": found.material.material_id,
    }, made.secret


def _found_for_pair(call: Call, request: Mapping[str, Any], operation: str) -> Found:
    check_common(call, request)
    spec = request["KeyPairSpec"]
    if spec not in PAIR_SPECS:
        raise unsupported(f"key pairs of the spec {spec}")
    return _found(call, request, operation, {"kms:DataKeyPairSpec": [spec]})


def _found(call: Call, request: Mapping[str, Any], operation: str, facts: Mapping[str, list[str]]) -> Found:
    context = request.get("EncryptionContext", {})
    known = {"kms:EncryptionAlgorithm": [SYMMETRIC], **facts}
    found = finding.usable(call, request["KeyId"], Use(f"kms:{operation}", context, facts=known))
    encrypting.check_algorithm(found.key, SYMMETRIC, operation=operation, context=context)
    if request.get("DryRun"):
        raise dry_run()
    return found
