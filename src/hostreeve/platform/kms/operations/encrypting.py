"""Encrypt, Decrypt, ReEncrypt, GenerateRandom."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.kms.actions import encrypting, finding
from hostreeve.platform.kms.actions.allowing import Facts, Use
from hostreeve.platform.kms.actions.finding import Found
from hostreeve.platform.kms.model import ciphertext
from hostreeve.platform.kms.model.refusals import dry_run, invalid, unsupported
from hostreeve.platform.kms.model.specs import SYMMETRIC
from hostreeve.platform.kms.operations.service import check_common, kms

_IGNORE_CIPHERTEXT = "IGNORE_CIPHERTEXT"


@kms.reads("Encrypt", asks=True)
def encrypt(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    check_common(call, request)
    algorithm = request.get("EncryptionAlgorithm", SYMMETRIC)
    context = request.get("EncryptionContext", {})
    use = Use("kms:Encrypt", context, facts=_algorithm_fact(algorithm))
    found = finding.usable(call, request["KeyId"], use)
    encrypting.check_algorithm(found.key, algorithm, operation="Encrypt", context=context)
    blob = encrypting.seal(call, found, request["Plaintext"], context, algorithm)
    if request.get("DryRun"):
        raise dry_run()
    return {"CiphertextBlob": blob, "KeyId": found.key.arn, "EncryptionAlgorithm": algorithm}


@kms.reads("Decrypt", asks=True)
def decrypt(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    check_common(call, request)
    algorithm = request.get("EncryptionAlgorithm", SYMMETRIC)
    found, plaintext = _opened(call, request, prefix="", action="kms:Decrypt", facts={})
    if request.get("DryRun"):
        raise dry_run()
    answer = {"KeyId": found.key.arn, "Plaintext": plaintext, "EncryptionAlgorithm": algorithm}
    return answer | _material("KeyMaterialId", found)


@kms.reads("ReEncrypt", asks=True)
def re_encrypt(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    check_common(call, request)
    algorithm = request.get("DestinationEncryptionAlgorithm", SYMMETRIC)
    context = request.get("DestinationEncryptionContext", {})
    same = _on_same_key(call, request)
    source, plaintext = _opened(call, request, prefix="Source", action="kms:ReEncryptFrom", facts=same)
    use = Use("kms:ReEncryptTo", context, facts=_algorithm_fact(algorithm) | same)
    found = finding.usable(call, request["DestinationKeyId"], use)
    encrypting.check_algorithm(found.key, algorithm, operation="ReEncrypt", context=context)
    blob = encrypting.seal(call, found, plaintext, context, algorithm)
    if request.get("DryRun"):
        raise dry_run()
    return {
        "CiphertextBlob": blob,
        "SourceKeyId": source.key.arn,
        "KeyId": found.key.arn,
        "SourceEncryptionAlgorithm": request.get("SourceEncryptionAlgorithm", SYMMETRIC),
        "DestinationEncryptionAlgorithm": algorithm,
        **_material("SourceKeyMaterialId", source),
        **_material("DestinationKeyMaterialId", found),
    }


@kms.reads("GenerateRandom", on=anything)
def generate_random(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    check_common(call, request)
    if "CustomKeyStoreId" in request:
        raise unsupported("custom key stores (CustomKeyStoreId)")
    if "NumberOfBytes" not in request:
        raise invalid("NumberOfBytes must be given.")
    return {"Plaintext": call.world.token(request["NumberOfBytes"])}


def _opened(
    call: Call, request: Mapping[str, Any], *, prefix: str, action: str, facts: Facts
) -> tuple[Found, bytes]:
    """What the request's ciphertext says, and by which key. `prefix` is Source in ReEncrypt."""
    algorithm = request.get(f"{prefix}EncryptionAlgorithm", SYMMETRIC)
    context = request.get(f"{prefix}EncryptionContext", {})
    key_id = request.get(f"{prefix}KeyId")
    use = Use(action, context, facts={**_algorithm_fact(algorithm), **facts})
    blob = request.get("CiphertextBlob")
    if blob is None:
        return _without_ciphertext(call, request, key_id, use)
    if algorithm == SYMMETRIC:
        return encrypting.open_symmetric(call, blob, context, use, key_id=key_id)
    if key_id is None:
        raise invalid(f"{prefix}KeyId must be given with the algorithm {algorithm}.")
    found = finding.usable(call, key_id, use)
    encrypting.check_algorithm(found.key, algorithm, operation=action.removeprefix("kms:"), context=context)
    return found, encrypting.open_with_private_key(call, found, blob, algorithm)


def _on_same_key(call: Call, request: Mapping[str, Any]) -> Facts:
    """The condition key kms:ReEncryptOnSameKey; the ciphertext, or else the request, tells the first key."""
    said = ciphertext.read(request.get("CiphertextBlob", b"")) if "SourceKeyId" not in request else None
    source = said.key_id if said else finding.identified(call, request.get("SourceKeyId", ""))
    is_same = source == finding.identified(call, request["DestinationKeyId"])
    return {"kms:ReEncryptOnSameKey": [str(is_same).lower()]}


def _without_ciphertext(
    call: Call, request: Mapping[str, Any], key_id: str | None, use: Use
) -> tuple[Found, bytes]:
    """A dry run may ask about the permission alone."""
    ignored = _IGNORE_CIPHERTEXT in request.get("DryRunModifiers", ())
    if key_id is None or not (request.get("DryRun") and ignored):
        raise invalid("CiphertextBlob must be given.")
    return finding.usable(call, key_id, use), b""


def _algorithm_fact(algorithm: str) -> Facts:
    return {"kms:EncryptionAlgorithm": [algorithm]}


def _material(member: str, found: Found) -> dict[str, str]:
    return {member: found.material.material_id} if found.key.is_symmetric else {}
