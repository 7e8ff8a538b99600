"""What a key's state forbids, and what becomes of it."""

from typing import Literal

from hostreeve.platform.kms.model.key import DISABLED, ENABLED, PENDING_DELETION

Need = Literal["usable", "kept", "pending", "any"]
"""usable: it must be enabled. kept: it must not be about to be deleted. pending: it must be."""

MAY_BECOME = {
    ENABLED: frozenset({DISABLED, PENDING_DELETION}),
    DISABLED: frozenset({ENABLED, PENDING_DELETION}),
    PENDING_DELETION: frozenset({DISABLED}),
}


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
