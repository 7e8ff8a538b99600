"""What other slices ask of keys on behalf of their callers, under the callers' own permissions."""

from collections.abc import Mapping
from typing import NamedTuple

from hostreeve.api.call import Call
from hostreeve.platform.kms.actions import encrypting, making
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.actions.finding import Found, allowed, usable
from hostreeve.platform.kms.model import policies
from hostreeve.platform.kms.model.key import Key
from hostreeve.platform.kms.model.specs import SYMMETRIC

SSM = "ssm"


class DataKey(NamedTuple):
    """A fresh key of 32 bytes, plain and encrypted."""

    plaintext: bytes
    ciphertext: bytes


def find_key(call: Call, key_id: str, *, via: str = SSM) -> Key:
    """The key of an id, ARN, alias or alias ARN, if the caller may `kms:DescribeKey`; in any state."""
    return usable(call, key_id, Use("kms:DescribeKey", via=via), "any").key


def aws_managed_key(call: Call, alias: str) -> Key:
    """The key behind an alias such as `alias/aws/ssm`, made on first use: the call must write."""
    return making.aws_managed(call, alias).key


def encrypt(
    call: Call, key_id: str, plaintext: bytes, context: Mapping[str, str], *, via: str = SSM
) -> bytes:
    """The ciphertext of up to a few kilobytes, if the caller may `kms:Encrypt`.

    `key_id` is an id, ARN, alias or alias ARN; an `alias/aws/…` key is made on first use.
    """
    found = _found(call, key_id, Use("kms:Encrypt", context, via=via))
    encrypting.check_algorithm(found.key, SYMMETRIC, operation="Encrypt", context=context)
    return encrypting.seal(call, found, plaintext, context)


def decrypt(call: Call, ciphertext: bytes, context: Mapping[str, str], *, via: str = SSM) -> bytes:
    """The plaintext, if the caller may `kms:Decrypt`; the ciphertext tells the key."""
    _, plaintext = encrypting.open_symmetric(call, ciphertext, context, Use("kms:Decrypt", context, via=via))
    return plaintext


def generate_data_key(call: Call, key_id: str, context: Mapping[str, str], *, via: str = SSM) -> DataKey:
    """A key for encrypting what is large, if the caller may `kms:GenerateDataKey`. `decrypt` opens it."""
    found = _found(call, key_id, Use("kms:GenerateDataKey", context, via=via))
    encrypting.check_algorithm(found.key, SYMMETRIC, operation="GenerateDataKey", context=context)
    plaintext = call.world.token(32)
    return DataKey(plaintext, encrypting.seal(call, found, plaintext, context))


def _found(call: Call, key_id: str, use: Use) -> Found:
    if policies.is_managed(key_id):
        return allowed(call, making.aws_managed(call, key_id), use)
    return usable(call, key_id, use)
