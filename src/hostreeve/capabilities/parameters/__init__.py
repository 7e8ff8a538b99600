"""Parameters: named values with versions and labels, plain or encrypted, and what refers to them.

Neighbours put the values of `{{ssm:name}}` in the place of such references.
"""

from hostreeve.capabilities.parameters.actions.references import references, resolve_references
from hostreeve.capabilities.parameters.actions.tagging import TAGGABLE

__all__ = ["TAGGABLE", "references", "resolve_references"]
