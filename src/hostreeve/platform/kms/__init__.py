"""Keys of the Key Management Service: they encrypt for callers, and for other slices on a caller's behalf.

Within one operation, a slice calls (`call` is its own, `context` the encryption context, `via` the service
that acts, `ssm` by default):

* `encrypt(call, key_id, plaintext, context) -> bytes`: `key_id` is an id, ARN, alias or alias ARN, and the
  ciphertext carries it; `alias/aws/ssm` is made on first use, in an operation that writes;
* `decrypt(call, ciphertext, context) -> bytes`; an operation that reads may call it;
* `generate_data_key(call, key_id, context) -> DataKey(plaintext, ciphertext)` for what is large;
* `find_key(call, key_id) -> Key`: `state`, `arn`, `is_symmetric`, …; `aws_managed_key(call, alias) -> Key`.

Each is allowed or refused by `call.require("kms:…", [key ARN])` with the key's policy, its grants and
`kms:ViaService`. They raise errors of kms: AccessDeniedException, NotFoundException, DisabledException,
KMSInvalidStateException, InvalidKeyUsageException, InvalidCiphertextException, ValidationException.
"""

from hostreeve.platform.kms.actions.serving import (
    DataKey,
    aws_managed_key,
    decrypt,
    encrypt,
    find_key,
    generate_data_key,
)
from hostreeve.platform.kms.actions.tagging import KIND
from hostreeve.platform.kms.model.key import Key

__all__ = [
    "KIND",
    "DataKey",
    "Key",
    "aws_managed_key",
    "decrypt",
    "encrypt",
    "find_key",
    "generate_data_key",
]
