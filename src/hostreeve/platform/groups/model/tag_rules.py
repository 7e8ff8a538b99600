"""What tag policies ask of tags: how a key is written, which values it has, and where that is enforced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ALL_OF_SERVICE = ("*", "ALL_SUPPORTED")


@dataclass(frozen=True, slots=True)
class TagRule:
    """One tag of an effective policy. `key` is how it must be written. Empty `values` allow any value; a star
    in one stands for any text. `enforced_for` names kinds as the tagging API does: `ec2:instance`, `ec2:*`.
    """

    key: str
    values: tuple[str, ...] = ()
    enforced_for: frozenset[str] = frozenset()

    def is_enforced(self, service_type: str) -> bool:
        service = service_type.partition(":")[0]
        return service_type in self.enforced_for or any(
            f"{service}:{every}" in self.enforced_for for every in ALL_OF_SERVICE
        )

    def allows(self, value: str) -> bool:
        return not self.values or any(_fits(value, wanted) for wanted in self.values)


@dataclass(frozen=True, slots=True)
class Compliance:
    """What of a resource's tags is not as its rules say: keys written otherwise, keys with other values."""

    keys: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.keys and not self.values


def compliance(rules: Iterable[TagRule], tags: Mapping[str, str]) -> Compliance:
    """A tag that no rule speaks of is compliant, and so is a resource without a tag that one speaks of."""
    by_key = {rule.key.lower(): rule for rule in rules}
    about = [(key, value, rule) for key, value in tags.items() if (rule := by_key.get(key.lower()))]
    return Compliance(
        tuple(key for key, _, rule in about if key != rule.key),
        tuple(key for key, value, rule in about if not rule.allows(value)),
    )


def enforced(rules: Iterable[TagRule], service_type: str) -> Sequence[TagRule]:
    """The rules that nobody may break on resources of a kind."""
    return [rule for rule in rules if rule.is_enforced(service_type)]


def _fits(value: str, wanted: str) -> bool:
    """Pieces between stars are looked for where they first occur, so that no policy makes this slow."""
    first, *others = wanted.split("*")
    if not others:
        return value == wanted
    *middle, last = others
    if not value.startswith(first) or not value.endswith(last) or len(value) < len(first) + len(last):
        return False
    rest = value[len(first) : len(value) - len(last)]
    for piece in middle:
        at = rest.find(piece)
        if at < 0:
            return False
        rest = rest[at + len(piece) :]
    return True
