"""aws:configurePackage. Installing packages is not part of this agent yet, and it says so."""

from __future__ import annotations

from typing import Any, NoReturn

from hostreeve.agent.order import InvalidInputs, Place


def prepare(inputs: Any, place: Place) -> NoReturn:
    """InvalidInputs, always: nothing may look as if a package had been installed."""
    raise InvalidInputs(
        "aws:configurePackage: this version of the Hostreeve agent cannot install or remove packages; "
        "nothing was changed"
    )
