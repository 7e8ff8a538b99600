"""Buckets: made, found, and deleted when they are empty."""

from collections.abc import Mapping
from typing import Any

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.objects.model.names import check_bucket_name
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.model.rows import Bucket
from hostreeve.platform.objects.store import buckets, contents, objects, uploads

LOCATION_DEFAULT = "us-east-1"
"""The Region whose name is never written as a location constraint, and where creating again is no error."""


def exists_bucket(tx: Transaction, scope: Scope, name: str) -> bool:
    """Whether the scope's account has a bucket of that name, in whichever Region."""
    found = buckets.find(tx, name)
    return found is not None and found.account == scope.account


def create_bucket(tx: Transaction, scope: Scope, name: str, now_ms: int) -> Bucket:
    """A new bucket in the scope's Region.

    InvalidBucketName, BucketAlreadyExists (anybody else's), BucketAlreadyOwnedByYou.
    """
    check_bucket_name(name)
    found = buckets.find(tx, name)
    if found is None:
        buckets.insert(tx, scope, name, now_ms)
        return Bucket(name, scope.account, scope.region, now_ms)
    if found.account != scope.account:
        raise refusal("BucketAlreadyExists", BucketName=name)
    if found.region == scope.region == LOCATION_DEFAULT:
        return found
    raise refusal("BucketAlreadyOwnedByYou", BucketName=name)


def owned(tx: Transaction, scope: Scope, name: str, expected_owner: str | None = None) -> Bucket:
    """The bucket, which must be the account's own: NoSuchBucket, AccessDenied."""
    found = buckets.find(tx, name)
    if found is None:
        raise refusal("NoSuchBucket", BucketName=name)
    # Nothing can grant another account access to a bucket yet, so to all others it is closed.
    if found.account != scope.account or expected_owner not in (None, found.account):
        raise refusal("AccessDenied", BucketName=name)
    return found


def named(tx: Transaction, scope: Scope, request: Mapping[str, Any]) -> Bucket:
    """The account's own bucket that a request names."""
    return owned(tx, scope, request["Bucket"], request.get("ExpectedBucketOwner"))


def delete_bucket(tx: Transaction, bucket: Bucket, now_ms: int) -> None:
    """BucketNotEmpty while there are objects. Unfinished uploads go with the bucket."""
    if objects.select(tx, bucket.scope, bucket.name, prefix="", after="", limit=1):
        raise refusal("BucketNotEmpty", BucketName=bucket.name)
    while unfinished := uploads.select(tx, bucket.scope, bucket.name, prefix="", after=("", ""), limit=100):
        for upload in unfinished:
            parts = uploads.parts(tx, bucket.scope, upload.upload_id)
            contents.drop(tx, bucket.scope, [part.content for part in parts], now_ms)
            uploads.delete(tx, bucket.scope, bucket.name, upload)
    buckets.delete(tx, bucket.scope, bucket.name)
