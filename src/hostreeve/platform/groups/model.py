"""What a slice tells about the kind of resource that it lets callers tag."""

from collections.abc import Callable
from dataclasses import dataclass

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

TAGS_MAX = 50
"""Tags on one resource."""

RESERVED = "aws:"
"""Keys that begin so belong to the system."""


@dataclass(frozen=True, slots=True)
class Taggable:
    """A resource type of `AddTagsToResource`, the ARN of one of its resources, and whether there is one.

    `arn` answers for ids that do not exist too: access is decided before existence is told.
    """

    resource_type: str
    arn: Callable[[Scope, str], str]
    exists: Callable[[Transaction, Scope, str], bool]
