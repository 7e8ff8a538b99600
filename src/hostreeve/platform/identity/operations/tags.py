"""Tags of IAM's resources: the same three operations for each kind. A user's and a role's are also its tags
as a principal."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform.identity.model import PRINCIPAL_KINDS, TAGS_MAX, Identity, Kind
from hostreeve.platform.identity.operations.service import (
    Context,
    asked_tags,
    error,
    iam,
    paged_here,
    refuse_unruly,
    wanted,
)
from hostreeve.platform.identity.store import identities


class Tagged(Protocol):
    """Whatever has tags."""

    @property
    def tags(self) -> dict[str, str]: ...


Owner = TypeVar("Owner", bound=Tagged)


def serve_tags(
    word: str,
    find: Callable[[Call, dict[str, Any], str, Context], Owner],
    keep: Callable[[Call, Owner, dict[str, str]], None],
    kind: str = "",
) -> None:
    """`Tag{word}`, `Untag{word}`, `List{word}Tags`. `find` asks for permission and refuses what is not there;
    `keep` stores the resource's tags anew. `kind` is what tag policies call it, if they can be enforced."""

    @iam.writes(f"Tag{word}", asks=True)
    def tag(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        tags, context = asked_tags(request)
        owner = find(call, request, f"iam:Tag{word}", context)
        if kind:
            refuse_unruly(call, kind, tags)
        given = {key.lower() for key in tags}
        merged = {key: value for key, value in owner.tags.items() if key.lower() not in given} | tags
        if len(merged) > TAGS_MAX:
            raise error.LimitExceeded(
                f"The number of tags has reached the maximum limit: {TAGS_MAX} tags for one resource."
            )
        keep(call, owner, merged)
        return {}

    @iam.writes(f"Untag{word}", asks=True)
    def untag(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        keys = request["TagKeys"]
        owner = find(call, request, f"iam:Untag{word}", {"aws:TagKeys": keys})
        gone = {key.lower() for key in keys}
        keep(call, owner, {key: value for key, value in owner.tags.items() if key.lower() not in gone})
        return {}

    @iam.reads(f"List{word}Tags", asks=True)
    def listed(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        owner = find(call, request, f"iam:List{word}Tags", {})
        return paged_here(
            "Tags",
            request,
            list(owner.tags.items()),
            lambda tag: tag[0],
            lambda tag: {"Key": tag[0], "Value": tag[1]},
        )


def _of_principals(kind: Kind) -> None:
    word = kind.capitalize()

    def find(call: Call, request: dict[str, Any], action: str, context: Context) -> Identity:
        return wanted(call, kind, request[f"{word}Name"], action, context)

    serve_tags(word, find, _keep)


def _keep(call: Call, owner: Identity, tags: dict[str, str]) -> None:
    identities.replace(call.tx, call.scope, owner, msgspec.structs.replace(owner, tags=tags))


for each in PRINCIPAL_KINDS:
    _of_principals(each)
