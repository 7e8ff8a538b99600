"""Groups: tags on every resource that has an ARN, and what is chosen by them.

Slices keep their resources' tags here, find resources by tag, and declare which kinds callers may tag.
"""

from hostreeve.platform.groups.actions import declare
from hostreeve.platform.groups.model import RESERVED, TAGS_MAX, Taggable
from hostreeve.platform.groups.store import (
    arns_tagged,
    arns_with_key,
    forget,
    remove_tags,
    set_tags,
    tags_of,
    tags_of_many,
)

__all__ = [
    "RESERVED",
    "TAGS_MAX",
    "Taggable",
    "arns_tagged",
    "arns_with_key",
    "declare",
    "forget",
    "remove_tags",
    "set_tags",
    "tags_of",
    "tags_of_many",
]
