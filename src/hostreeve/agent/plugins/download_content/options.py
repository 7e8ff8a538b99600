"""getOptions of Git and GitHub: `branch:NAME` or `commitID:ID`."""

from __future__ import annotations

from hostreeve.agent.plugins.worker import StepFailed


def reference_in(written: str) -> str:
    """The branch or commit to check out; empty means the repository's own choice. StepFailed for others."""
    if not written:
        return ""
    kind, colon, value = written.partition(":")
    value = value.strip()
    if not colon or kind not in ("branch", "commitID") or not value or ":" in value:
        raise StepFailed("getOptions must be branch:NAME or commitID:ID")
    if value.startswith("-"):
        raise StepFailed(f"{value!r} cannot be the name of a branch or commit")
    return value
