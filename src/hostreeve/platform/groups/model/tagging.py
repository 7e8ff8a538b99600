"""What a slice tells about the kinds of resource that it lets callers tag and find by tags."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hostreeve.api.call import Call
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction

TAGS_MAX = 50
"""Tags on one resource."""

GLOBAL_FROM = "us-east-1"

RESERVED = "aws:"
"""Keys that begin so belong to the system."""


def _id_of(arn: str) -> str:
    return arn.split(":", 5)[5].partition("/")[2]


@dataclass(frozen=True, slots=True)
class Taggable:
    """A resource type of `AddTagsToResource`, the ARN of one of its resources, and whether there is one.

    `arn` answers for ids that do not exist too: access is decided before existence is told. With its names in
    CloudFormation and in the tagging API it is a `Kind` too; `id_of` is the id in an ARN.
    """

    resource_type: str
    arn: Callable[[Scope, str], str]
    exists: Callable[[Transaction, Scope, str], bool]
    type_name: str = ""
    service_type: str = ""
    id_of: Callable[[str], str] = _id_of


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource that is found by its tags, in the tagging API and by the queries of groups.

    `is_global`: of no Region. Its tags are kept so, and it is found from the Region where AWS has what is
    global. `type_name` is CloudFormation's (`AWS::SSM::Parameter`), `service_type` the tagging API's
    (`ssm:parameter`); the kind's ARNs, and no others, begin with `prefix`. `exists` answers for an ARN of
    the scope. `tag` and `untag` do what the service's own operations do, leave asked and refusals included.
    """

    type_name: str
    service_type: str
    prefix: Callable[[Scope], str]
    exists: Callable[[Transaction, Scope, str], bool]
    tag: Callable[[Call, str, Mapping[str, str]], None]
    untag: Callable[[Call, str, Sequence[str]], None]
    is_global: bool = False

    def home(self, scope: Scope) -> Scope | None:
        """Where the tags lie that are found from this account and Region; None when none are."""
        if not self.is_global:
            return scope
        return Scope(scope.account, GLOBAL) if scope.region in (GLOBAL, GLOBAL_FROM) else None


def tag_facts(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys of a request that brings these tags."""
    facts = {f"aws:RequestTag/{name}": [value] for name, value in tags.items()}
    return facts | {"aws:TagKeys": list(tags)} if tags else facts
