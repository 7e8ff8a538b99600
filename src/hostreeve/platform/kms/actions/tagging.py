"""Tags of keys: who may set them, and keys as a kind of resource that is found by tags."""

from collections.abc import Mapping, Sequence

from hostreeve.api.call import Call
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.kms.actions import finding, making
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.model.refusals import error
from hostreeve.platform.kms.store import keys as key_rows


def tag(call: Call, key_id: str, tags: Mapping[str, str]) -> None:
    """Give a key tags. TagException for reserved ones."""
    refuse_reserved(list(tags))
    use = Use("kms:TagResource", facts=groups.tag_facts(tags))
    making.tag(call, finding.managed(call, key_id, use, "kept").key, tags)


def untag(call: Call, key_id: str, keys: Sequence[str]) -> None:
    use = Use("kms:UntagResource", facts={"aws:TagKeys": list(keys)})
    key = finding.managed(call, key_id, use, "kept").key
    refuse_reserved(keys)
    groups.remove_tags(call.tx, key.scope, key.arn, keys)


def refuse_reserved(keys: Sequence[str]) -> None:
    reserved = [key for key in keys if key.lower().startswith(groups.RESERVED)]
    if reserved:
        raise error.TagException(f"Tag keys that begin with {groups.RESERVED} are reserved: {reserved[0]}")


def _exists(tx: Transaction, scope: Scope, arn: str) -> bool:
    return key_rows.find(tx, scope, arn.rpartition("/")[2]) is not None


KIND = groups.Kind(
    type_name="AWS::KMS::Key",
    service_type="kms:key",
    prefix=lambda scope: scope.arn("kms", "key/"),
    exists=_exists,
    tag=tag,
    untag=untag,
)
