"""The table that the operations of this slice register in, and what their pages have in common."""

from hostreeve.api.operations import Operations
from hostreeve.api.paging import Key, Page
from hostreeve.capabilities.parameters.actions.reaching import error

ssm = Operations("ssm")

__all__ = ["error", "ssm", "token_at"]


def token_at(page: Page, place: Key | None) -> dict[str, str]:
    """The NextToken of a page that ended at `place`, full or not; nothing at the end of the list."""
    if place is None:
        return {}
    token = page.token([place] * (page.limit + 1), lambda one: one)
    return {"NextToken": token} if token else {}
