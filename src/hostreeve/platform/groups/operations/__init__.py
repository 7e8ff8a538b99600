"""Tags and groups, as AWS callers see them: tags of ssm, Resource Groups, and the tagging API."""

from hostreeve.platform.groups.operations import groups, members
from hostreeve.platform.groups.operations.service import resource_groups
from hostreeve.platform.groups.operations.tagging import tagging
from hostreeve.platform.groups.operations.tags import ssm

__all__ = ["groups", "members", "resource_groups", "ssm", "tagging"]
