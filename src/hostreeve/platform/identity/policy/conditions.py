"""The Condition element: operators over the keys of a request, all of which must hold."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from hostreeve.platform.identity.policy import values as kinds
from hostreeve.platform.identity.policy.globs import Context, Predicate
from hostreeve.platform.identity.policy.values import Compile, Test

Condition = Callable[[Context], bool]

OPERATORS: Mapping[str, tuple[Compile, bool]] = {
    "StringEquals": (kinds.texts(), False),
    "StringNotEquals": (kinds.texts(), True),
    "StringEqualsIgnoreCase": (kinds.texts(fold=True), False),
    "StringNotEqualsIgnoreCase": (kinds.texts(fold=True), True),
    "StringLike": (kinds.texts(wild=True), False),
    "StringNotLike": (kinds.texts(wild=True), True),
    "NumericEquals": (kinds.numbers(operator.eq), False),
    "NumericNotEquals": (kinds.numbers(operator.eq), True),
    "NumericLessThan": (kinds.numbers(operator.lt), False),
    "NumericLessThanEquals": (kinds.numbers(operator.le), False),
    "NumericGreaterThan": (kinds.numbers(operator.gt), False),
    "NumericGreaterThanEquals": (kinds.numbers(operator.ge), False),
    "DateEquals": (kinds.dates(operator.eq), False),
    "DateNotEquals": (kinds.dates(operator.eq), True),
    "DateLessThan": (kinds.dates(operator.lt), False),
    "DateLessThanEquals": (kinds.dates(operator.le), False),
    "DateGreaterThan": (kinds.dates(operator.gt), False),
    "DateGreaterThanEquals": (kinds.dates(operator.ge), False),
    "Bool": (kinds.truths, False),
    "BinaryEquals": (kinds.bytes_alike, False),
    "IpAddress": (kinds.addresses, False),
    "NotIpAddress": (kinds.addresses, True),
    "ArnEquals": (kinds.arns, False),
    "ArnLike": (kinds.arns, False),
    "ArnNotEquals": (kinds.arns, True),
    "ArnNotLike": (kinds.arns, True),
}
"""What each compares with what, and whether its answer is turned round."""

WITH_VARIABLES = ("String", "Arn")
"""AWS fills in policy variables for these families of operators only."""

_ANY, _ALL, _IF_EXISTS = "ForAnyValue:", "ForAllValues:", "IfExists"


def read(name: str, key: str, given: Any, variables: bool) -> Condition:
    """Compile one operator over one key. ValueError says what is wrong with it."""
    wanted = _values(given)
    if name == "Null":
        return _null(key.lower(), wanted)
    bare, quantifier = name, ""
    for prefix in (_ANY, _ALL):
        if name.startswith(prefix):
            bare, quantifier = name.removeprefix(prefix), prefix
    if_exists = bare.endswith(_IF_EXISTS)
    bare = bare.removesuffix(_IF_EXISTS)
    if bare not in OPERATORS:
        raise ValueError(f"there is no condition operator {name}")
    compiled, negated = OPERATORS[bare]
    test = compiled(wanted, variables and bare.startswith(WITH_VARIABLES))
    if quantifier:
        return _quantified(key.lower(), test, negated, every=quantifier == _ALL, absent=if_exists)
    return _single(key.lower(), test, negated, absent=if_exists or negated)


def _single(key: str, test: Test, negated: bool, absent: bool) -> Condition:
    """A key without values fails what asks for a value, and passes what forbids one."""
    if isinstance(test, kinds.Closed):
        return _closed(key, test.passes, negated, absent)

    def holds(context: Context) -> bool:
        try:
            values = context[key]
        except KeyError:
            return absent
        if len(values) == 1:
            return bool(test(values[0], context)) is not negated
        if not values:
            return absent
        return any(test(value, context) for value in values) is not negated

    return holds


def _closed(key: str, passes: Predicate, negated: bool, absent: bool) -> Condition:
    """The same for what asks for nothing but the key's own values: nearly all conditions are so."""

    def holds(context: Context) -> bool:
        try:
            values = context[key]
        except KeyError:
            return absent
        if len(values) == 1:
            return bool(passes(values[0])) is not negated
        if not values:
            return absent
        return any(map(passes, values)) is not negated

    return holds


def _quantified(key: str, test: Test, negated: bool, *, every: bool, absent: bool) -> Condition:
    judge = all if every else any

    def holds(context: Context) -> bool:
        values = context.get(key)
        if not values:
            return every or absent
        return judge(bool(test(value, context)) != negated for value in values)

    return holds


def _null(key: str, wanted: list[str]) -> Condition:
    truths = {kinds.truth(value) for value in wanted}
    if None in truths:
        raise ValueError("Null compares with true or false")
    return lambda context: (not context.get(key)) in truths


def _values(given: Any) -> list[str]:
    listed = given if isinstance(given, list) else [given]
    if not all(isinstance(value, str | bool | int | float) for value in listed):
        raise ValueError("values must be texts, numbers or truth values")
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]
