"""What a key's state forbids."""

from typing import Literal

from hostreeve.platform.kms.model.key import DISABLED, PENDING_DELETION

Need = Literal["usable", "kept", "pending", "any"]
"""usable: it must be enabled. kept: it must not be about to be deleted. pending: it must be."""


def objection(state: str, need: Need) -> tuple[str, str] | None:
    """The error code and the end of its text ("<arn> is …"), or None when nothing stands against it."""
    if need == "any":
        return None
    if need == "pending":
        return None if state == PENDING_DELETION else ("KMSInvalidStateException", "is not pending deletion.")
    if state == PENDING_DELETION:
        return "KMSInvalidStateException", "is pending deletion."
    if need == "usable" and state == DISABLED:
        return "DisabledException", "is disabled."
    return None
