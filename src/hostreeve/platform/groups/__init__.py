"""Groups: tags on every resource that has an ARN, and what is chosen by them.

Slices keep their resources' tags here, find resources by tag, and declare which kinds callers may tag and
find: a `Taggable` for those of ssm's own tag operations, a `Kind` for others. Both are found by the tagging
API and by the queries of resource groups.
"""

from hostreeve.platform.groups.actions.grouping import KIND
from hostreeve.platform.groups.actions.kinds import declare
from hostreeve.platform.groups.model.tagging import RESERVED, TAGS_MAX, Kind, Taggable, tag_facts
from hostreeve.platform.groups.store.tags import (
    arns_tagged,
    arns_with_key,
    forget,
    remove_tags,
    set_tags,
    tags_of,
    tags_of_many,
)

__all__ = [
    "KIND",
    "RESERVED",
    "TAGS_MAX",
    "Kind",
    "Taggable",
    "arns_tagged",
    "arns_with_key",
    "declare",
    "forget",
    "remove_tags",
    "set_tags",
    "tag_facts",
    "tags_of",
    "tags_of_many",
]
