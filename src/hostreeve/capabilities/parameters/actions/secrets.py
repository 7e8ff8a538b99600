"""SecureString values: sealed by the key service before they are stored, opened for one answer at a time.

A standard value is a ciphertext of the key service itself. An advanced one is sealed by a data key, which
stands before it, sealed by the key service. Both are bound to the parameter's ARN. Nothing here, or anywhere
in the slice, keeps, logs or repeats an unsealed value.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.capabilities.parameters.actions.reaching import error
from hostreeve.capabilities.parameters.model.parameter import ADVANCED, Parameter
from hostreeve.platform import kms

DEFAULT_KEY = "alias/aws/ssm"

_ENVELOPE = b"\x02"
"""The first byte of an envelope; ciphertexts of the key service begin with another."""
_LENGTH_BYTES, _NONCE_BYTES = 2, 12


def sealed(call: Call, clear: Parameter, key_id: str) -> Parameter:
    """The parameter with its value encrypted under the key. InvalidKeyId, AccessDeniedException."""
    context = {"PARAMETER_ARN": clear.arn}
    try:
        if clear.tier != ADVANCED:
            value = kms.encrypt(call, key_id, clear.value, context)
        else:
            value = _enveloped(call, clear, kms.generate_data_key(call, key_id, context))
    except AwsError as refused:
        raise _in_our_words(refused, key_id) from None
    return replace(clear, value=value, key_id=key_id)


def opened(call: Call, parameter: Parameter) -> str:
    """The value in clear, if the caller may kms:Decrypt with its key. InvalidKeyId, AccessDeniedException."""
    context = {"PARAMETER_ARN": parameter.arn}
    value = parameter.value
    try:
        if not value.startswith(_ENVELOPE):
            return kms.decrypt(call, value, context).decode()
        start = 1 + _LENGTH_BYTES
        end = start + int.from_bytes(value[1:start], "big")
        key = kms.decrypt(call, value[start:end], context)
        nonce, body = value[end : end + _NONCE_BYTES], value[end + _NONCE_BYTES :]
        return AESGCM(key).decrypt(nonce, body, parameter.arn.encode()).decode()
    except AwsError as refused:
        raise _in_our_words(refused, parameter.key_id) from None
    except (InvalidTag, ValueError):
        raise error.InvalidKeyId(
            f"The value of version {parameter.version} of {parameter.name} is damaged: its key does not open "
            "it."
        ) from None


def _enveloped(call: Call, clear: Parameter, key: kms.DataKey) -> bytes:
    nonce = call.world.token(_NONCE_BYTES)
    body = AESGCM(key.plaintext).encrypt(nonce, clear.value, clear.arn.encode())
    length = len(key.ciphertext).to_bytes(_LENGTH_BYTES, "big")
    return _ENVELOPE + length + key.ciphertext + nonce + body


def _in_our_words(refused: AwsError, key_id: str) -> AwsError:
    """The key service's refusal as Parameter Store's: a lack of leave stays what it is."""
    if refused.code in ("AccessDeniedException", "AccessDenied"):
        return error.AccessDeniedException(refused.message)
    return error.InvalidKeyId(f"The key {key_id} can't be used ({refused.code}). {refused.message}")
