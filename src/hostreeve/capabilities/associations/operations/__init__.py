"""State Manager, as AWS callers and agents see it."""

from hostreeve.capabilities.associations.operations import associations, executions, nodes
from hostreeve.capabilities.associations.operations.service import ssm

__all__ = ["associations", "executions", "nodes", "ssm"]
