"""Which kinds of resource can be tagged and found: slices declare theirs when the program is composed."""

from collections.abc import Iterable, Iterator, Mapping

from hostreeve.api.call import Call
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.groups.actions import policing, tagging
from hostreeve.platform.groups.model.tagging import TAGS_MAX, Kind, Taggable, tag_facts
from hostreeve.platform.groups.store import tags as store

_declared: dict[str, Taggable] = {}
_kinds: dict[str, Kind] = {}


def declare(*offered: Taggable | Kind) -> None:
    """Let callers tag these kinds of resource and find them. The same declaration twice is one."""
    for each in offered:
        if isinstance(each, Taggable):
            known = _declared.setdefault(each.resource_type, each)
            assert known == each, f"two slices claim the resource type {each.resource_type}"
            if each.type_name and each.type_name not in _kinds:
                _kinds[each.type_name] = tagging.kind_of(each)
        else:
            found = _kinds.setdefault(each.type_name, each)
            assert found == each, f"two slices claim the resource type {each.type_name}"


def declared(resource_type: str) -> Taggable | None:
    """By the word of `AddTagsToResource`."""
    return _declared.get(resource_type)


def kinds() -> Iterator[Kind]:
    """All that can be found by tags."""
    return iter(_kinds.values())


def named(type_name: str) -> Kind | None:
    """By CloudFormation's name, in any case: AWS's own examples write AWS::EC2::INSTANCE too."""
    return next((kind for kind in kinds() if kind.type_name.lower() == type_name.lower()), None)


def of_arn(scope: Scope, arn: str) -> Kind | None:
    """The kind of a resource of this account and Region; None for others and for what has no tags here."""
    return next((kind for kind in kinds() if kind.home(scope) and arn.startswith(kind.prefix(scope))), None)


def by_home(scope: Scope, among: Iterable[Kind]) -> dict[Scope, dict[str, Kind]]:
    """The kinds that are found from an account and Region, by their ARNs' prefix, where their tags lie."""
    found: dict[Scope, dict[str, Kind]] = {}
    for kind in among:
        home = kind.home(scope)
        if home is not None:
            found.setdefault(home, {})[kind.prefix(scope)] = kind
    return found


def set_tags(tx: Transaction, scope: Scope, arn: str, tags: Mapping[str, str]) -> None:
    """Add tags to a resource, or give those that exist a new value, as far as tag policies allow it."""
    kind = of_arn(scope, arn)
    if kind is not None:
        policing.refuse_unruly(tx, scope.account, kind.service_type, tags)
    store.set_tags(tx, scope, arn, tags)


def tag_new(call: Call, arn: str, tags: Mapping[str, str], *, called: str) -> None:
    """Give a resource of ssm's that was made in this call its first tags; the caller needs the right to.

    `called` is what an error calls such a resource. ValidationException, AccessDeniedException.
    """
    if len(tags) > TAGS_MAX:
        raise tagging.error.ValidationException(f"A {called} can have {TAGS_MAX} tags.")
    tagging.refuse_reserved(list(tags))
    call.require("ssm:AddTagsToResource", [arn], tag_facts(tags))
    set_tags(call.tx, call.scope, arn, tags)
