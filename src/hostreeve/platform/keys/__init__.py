"""Keys: secrets at rest. A master key, never in the database, wraps a data key for every sealed record.

What is unsealed is not remembered here; who needs it often keeps it for a short while.
"""

from hostreeve.platform.keys.keyring import Keyring, load_or_create_master_key, read_passphrase
from hostreeve.platform.keys.passphrase import WRAPPED_BYTES

__all__ = ["WRAPPED_BYTES", "Keyring", "load_or_create_master_key", "read_passphrase"]
