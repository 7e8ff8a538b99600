"""Parameter Store, as AWS callers see it."""

from hostreeve.capabilities.parameters.operations import listing, reading, sharing, writing
from hostreeve.capabilities.parameters.operations.service import ssm

__all__ = ["listing", "reading", "sharing", "ssm", "writing"]
