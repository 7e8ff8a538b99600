"""Groups: tags on every resource that has an ARN, and what is chosen by them.

Slices keep their resources' tags here, find resources by tag, and declare which kinds callers may tag and
find: a `Taggable` for those of ssm's own tag operations, a `Kind` for others. Both are found by the tagging
API and by the queries of resource groups. What a group has is looked up at use: `find_group`, `members`.
"""

from hostreeve.platform.groups.actions.grouping import KIND, find_group
from hostreeve.platform.groups.actions.kinds import declare, set_tags, tag_new
from hostreeve.platform.groups.actions.kinds import named as kind_named
from hostreeve.platform.groups.actions.policing import heed, refuse_unruly
from hostreeve.platform.groups.actions.searching import among_members, members
from hostreeve.platform.groups.actions.tagging import follow, tell
from hostreeve.platform.groups.model.group import Group, group_arn
from hostreeve.platform.groups.model.queries import TagFilter
from hostreeve.platform.groups.model.tag_rules import TagRule
from hostreeve.platform.groups.model.tagging import RESERVED, TAGS_MAX, Kind, Taggable, tag_facts
from hostreeve.platform.groups.store.searching import matching as arns_matching
from hostreeve.platform.groups.store.tags import (
    arns_tagged,
    arns_with_key,
    forget,
    remove_tags,
    tags_of,
    tags_of_many,
)
from hostreeve.platform.groups.store.tags import set_tags as keep_tags

__all__ = [
    "KIND",
    "RESERVED",
    "TAGS_MAX",
    "Group",
    "Kind",
    "TagFilter",
    "TagRule",
    "Taggable",
    "among_members",
    "arns_matching",
    "arns_tagged",
    "arns_with_key",
    "declare",
    "find_group",
    "follow",
    "forget",
    "group_arn",
    "heed",
    "keep_tags",
    "kind_named",
    "members",
    "refuse_unruly",
    "remove_tags",
    "set_tags",
    "tag_facts",
    "tag_new",
    "tags_of",
    "tags_of_many",
    "tell",
]
