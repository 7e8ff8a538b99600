"""Tag policies where they are enforced: who tags against one is refused, whatever its own rights."""

from collections.abc import Callable, Mapping, Sequence

from hostreeve.api.errors import AwsError
from hostreeve.persistence.database import Transaction
from hostreeve.platform.groups.model.tag_rules import TagRule, compliance, enforced
from hostreeve.platform.groups.model.tagging import RESERVED

Rules = Callable[[Transaction, str], Sequence[TagRule]]
"""What the tag policies above an account (its number) say together."""

# The words of EC2 and KMS; ACM, SNS and others of AWS call it as the last one does.
_CODES = {"ec2": "TagPolicyViolation", "kms": "TagException"}
_CODE = "TagPolicyException"


class Refused(AwsError):
    """A tag is not as an enforced policy wants it."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _none(tx: Transaction, account: str) -> Sequence[TagRule]:
    return ()


_rules: Rules = _none


def heed(rules: Rules) -> None:
    """Said once, when the program is composed."""
    global _rules
    _rules = rules


def rules_of(tx: Transaction, account: str) -> Sequence[TagRule]:
    return _rules(tx, account)


def refuse_unruly(
    tx: Transaction, account: str, service_type: str, tags: Mapping[str, str], *, code: str = ""
) -> None:
    """Returns when these tags may be set on a resource of that kind (`ssm:parameter`).

    Otherwise an error as the kind's service calls it, or `code`, names the key.
    """
    own = {key: value for key, value in tags.items() if not key.lower().startswith(RESERVED)}
    rules = enforced(_rules(tx, account), service_type) if own else ()
    if not rules:
        return
    found = compliance(rules, own)
    if found:
        return
    code = code or _CODES.get(service_type.partition(":")[0], _CODE)
    if found.keys:
        written = next(rule.key for rule in rules if rule.key.lower() == found.keys[0].lower())
        raise Refused(
            code, f"The tag policy does not allow the tag key '{found.keys[0]}': it is written '{written}'."
        )
    raise Refused(
        code,
        f"The tag policy does not allow the specified value for the following tag key: '{found.values[0]}'.",
    )
