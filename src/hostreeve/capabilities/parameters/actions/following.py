"""Who hears of changes: capabilities above that put the values of parameters in the place of references."""

from collections.abc import Callable

from hostreeve.capabilities.parameters.model import names
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

Heard = Callable[[Transaction, Scope, str, int], None]
_heard_by: list[Heard] = []


def announce(heard: Heard) -> None:
    """Let a capability above hear, within the same transaction, when what a reference stands for has
    changed: `heard(tx, scope, what, now_ms)` with the word that `followed` gave. The same function twice is
    one."""
    if heard not in _heard_by:
        _heard_by.append(heard)


def followed(scope: Scope, reference: str) -> str:
    """What is announced when `reference` (as `references` finds them) stands for another value.

    Nothing for a numbered version, which stays what it is, and for parameters that are not of this scope:
    their owner's changes are not told here.
    """
    named = names.read(scope.account, scope.region, reference)
    if named is None or named.scope != scope or named.selector.removeprefix(":").isdigit():
        return ""
    return f"{named.path}{named.selector}"


def tell(tx: Transaction, parameter: Parameter, now_ms: int, *, label: str = "") -> None:
    """That the newest value is another one, or that the label stands at another version."""
    what = f"{parameter.path}:{label}" if label else parameter.path
    for heard in _heard_by:
        heard(tx, parameter.scope, what, now_ms)
