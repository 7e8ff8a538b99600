"""Documents, as AWS callers see them."""

from hostreeve.capabilities.documents.operations import (
    documents,
    listing,
    packages,
    permissions,
    reviews,
)
from hostreeve.capabilities.documents.operations.service import ssm

__all__ = ["documents", "listing", "packages", "permissions", "reviews", "ssm"]
