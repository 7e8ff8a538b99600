"""S3 as its clients see it."""

from hostreeve.platform.objects.operations import buckets, listing, objects, uploads
from hostreeve.platform.objects.operations.service import s3

__all__ = ["buckets", "listing", "objects", "s3", "uploads"]
