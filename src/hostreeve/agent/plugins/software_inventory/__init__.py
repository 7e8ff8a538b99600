"""aws:softwareInventory. Collecting inventory is not part of this agent yet, and it says so."""

from __future__ import annotations

from typing import Any, NoReturn

from hostreeve.agent.order import InvalidInputs, Place


def prepare(inputs: Any, place: Place) -> NoReturn:
    """InvalidInputs, always: by Run Command it is refused by the official agent, too."""
    raise InvalidInputs(
        "aws:softwareInventory can only be invoked via ssm-associate, and this version of the Hostreeve "
        "agent collects no inventory; nothing was reported"
    )
