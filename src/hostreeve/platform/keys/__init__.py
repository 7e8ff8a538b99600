"""Keys: secrets at rest. A master key, never in the database, wraps a data key for every sealed record.

The master key lies in a file, bare or under a passphrase, a hardware module's key or a key of another KMS.
What is unsealed is not remembered here; who needs it often keeps it for a short while.
"""

from hostreeve.platform.keys.hsm import HardwareKey, read_uri
from hostreeve.platform.keys.keyring import Keyring
from hostreeve.platform.keys.master import (
    FILE_BYTES_MAX,
    is_whole,
    keep_master_key,
    load_or_create_master_key,
    read_passphrase,
)
from hostreeve.platform.keys.passphrase import Passphrase
from hostreeve.platform.keys.remote import Remote, RemoteKey, read_remote
from hostreeve.platform.keys.wrapping import Wrapping

__all__ = [
    "FILE_BYTES_MAX",
    "HardwareKey",
    "Keyring",
    "Passphrase",
    "Remote",
    "RemoteKey",
    "Wrapping",
    "is_whole",
    "keep_master_key",
    "load_or_create_master_key",
    "read_passphrase",
    "read_remote",
    "read_uri",
]
