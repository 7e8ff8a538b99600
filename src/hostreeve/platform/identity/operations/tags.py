"""Tags of users and roles; they are also their tags as principals."""

from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.platform.identity.model import Kind
from hostreeve.platform.identity.operations.inline_policies import KINDS
from hostreeve.platform.identity.operations.service import (
    asked_tags,
    error,
    iam,
    paged_here,
    wanted,
)
from hostreeve.platform.identity.store import identities

TAGS_MAX = 50


def _register(kind: Kind) -> None:
    word = kind.capitalize()
    member = f"{word}Name"

    @iam.writes(f"Tag{word}", asks=True)
    def tag(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        tags, context = asked_tags(request)
        owner = wanted(call, kind, request[member], f"iam:Tag{word}", context)
        given = {key.lower() for key in tags}
        merged = {key: value for key, value in owner.tags.items() if key.lower() not in given} | tags
        if len(merged) > TAGS_MAX:
            raise error.LimitExceeded(
                f"The number of tags has reached the maximum limit: {TAGS_MAX} tags per {kind}."
            )
        identities.replace(call.tx, call.scope, owner, msgspec.structs.replace(owner, tags=merged))
        return {}

    @iam.writes(f"Untag{word}", asks=True)
    def untag(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        keys = request["TagKeys"]
        owner = wanted(call, kind, request[member], f"iam:Untag{word}", {"aws:TagKeys": keys})
        gone = {key.lower() for key in keys}
        left = {key: value for key, value in owner.tags.items() if key.lower() not in gone}
        identities.replace(call.tx, call.scope, owner, msgspec.structs.replace(owner, tags=left))
        return {}

    @iam.reads(f"List{word}Tags", asks=True)
    def listed(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        owner = wanted(call, kind, request[member], f"iam:List{word}Tags")
        return paged_here(
            "Tags",
            request,
            list(owner.tags.items()),
            lambda tag: tag[0],
            lambda tag: {"Key": tag[0], "Value": tag[1]},
        )


# Who may call is asked in `wanted` (call.require), for the user or role with its path.
for each in KINDS:
    _register(each)
