"""What a baseline says of versions that nodes reported: by the payload's rules, so plans and runs agree."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hostreeve.capabilities.patches.model import snapshot
from hostreeve.capabilities.patches.model.baseline import Baseline
from hostreeve.capabilities.patches.model.offer import DAY_MS, FAMILIES, Offer, Version
from hostreeve.kernel.scope import Scope
from hostreeve.patcher import names, selection
from hostreeve.patcher.baseline import read_baseline
from hostreeve.patcher.model import APPROVED, PENDING, REJECTED, Choice, Host, Package, Patch
from hostreeve.patcher.model import Baseline as Rules

DEPLOYED = {APPROVED: "APPROVED", PENDING: "PENDING_APPROVAL", REJECTED: "EXPLICIT_REJECTED"}
"""AWS's PatchDeploymentStatus of what the rules decide; what is not selected has none."""


class Judged(NamedTuple):
    """What is decided of a version. `is_target`: an installation would bring this one."""

    offer: Offer
    choice: Choice
    is_target: bool


class Deployment(NamedTuple):
    """PatchStatus: AWS's status, level, and when it was or will be approved (ms, None: no date counts)."""

    status: str
    level: str
    approval_ms: int | None


def rules_of(baseline: Baseline, scope: Scope) -> Rules:
    """A baseline as the payload reads it."""
    return read_baseline(snapshot.content(baseline, scope, "")["patchBaseline"])


def judged(rules: Rules, system: tuple[str, str], offers: Sequence[Offer], now_ms: int) -> list[Judged]:
    """Every version that a node reported; `system` is its operating system and product. Versions of one
    package stand together, the oldest first."""
    groups: dict[tuple[str, str], list[Offer]] = {}
    for offer in offers:
        groups.setdefault((offer.version.name, offer.version.arch), []).append(offer)
    packages = tuple(
        Package(
            Patch(name, arch, some[0].installed),
            tuple(offer.version.patch() for offer in some),
            # Only the node knows what its administrator holds.
            is_held=any(offer.reason.startswith("held") for offer in some),
        )
        for (name, arch), some in groups.items()
    )
    host = Host(FAMILIES[system[0]], system[1], packages)
    found = []
    for verdict, some in zip(selection.select(host, rules, now_ms), groups.values(), strict=True):
        target = None if verdict.package.is_held else verdict.target
        found += [
            Judged(offer, choice, choice is target)
            for offer, choice in zip(some, verdict.choices, strict=True)
        ]
    return found


def deployment(rules: Rules, system: tuple[str, str], version: Version, now_ms: int) -> Deployment | None:
    """What a baseline says of one version, whoever has it; None when it does not select it."""
    offer = Offer(version=version)
    choice = judged(rules, system, [offer], now_ms)[0].choice
    status = DEPLOYED.get(choice.decision)
    if status is None:
        return None
    if status == "APPROVED" and names.approves(rules.approved, version.patch(), FAMILIES[system[0]]):
        status = "EXPLICIT_APPROVED"
    return Deployment(status, choice.level, _approval_ms(rules, version, choice))


def _approval_ms(rules: Rules, version: Version, choice: Choice) -> int | None:
    """When the rule that decided approves it: days after its release, or at once where nobody knows that."""
    number = choice.reason.removeprefix("rule ").partition(" ")[0]
    if version.released_ms is None or not number.isdigit():
        return None
    return version.released_ms + (rules.rules[int(number) - 1].after_days or 0) * DAY_MS


def summed(found: Iterable[Judged]) -> dict[str, int]:
    """How many versions there are of each decision."""
    counted: dict[str, int] = {}
    for each in found:
        counted[each.choice.decision] = counted.get(each.choice.decision, 0) + 1
    return counted
