"""Objects: S3 on local files. Rows are in the database; bytes are in files, on disk before a row names them.

Other slices put bytes on disk with `keep`, outside of any unit, and give them a key with `put`, inside one.
"""

from hostreeve.platform.objects.actions.buckets import create_bucket, exists_bucket
from hostreeve.platform.objects.actions.objects import Stored, keys_under, put, read, remove
from hostreeve.platform.objects.model.rows import Content
from hostreeve.platform.objects.store.files import keep_in
from hostreeve.platform.objects.store.files import write as keep

__all__ = [
    "Content",
    "Stored",
    "create_bucket",
    "exists_bucket",
    "keep",
    "keep_in",
    "keys_under",
    "put",
    "read",
    "remove",
]
