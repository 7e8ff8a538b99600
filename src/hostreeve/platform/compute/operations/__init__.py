"""EC2, as far as it is there: instances that enrolled, and their tags."""

from hostreeve.platform.compute.operations import instances, regions, tags
from hostreeve.platform.compute.operations.service import ec2

__all__ = ["ec2", "instances", "regions", "tags"]
