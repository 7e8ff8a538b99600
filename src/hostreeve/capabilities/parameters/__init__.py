"""Parameters: named values with versions and labels, plain or encrypted, and what refers to them.

Neighbours put the values of `{{ssm:name}}` in the place of such references, say how images are looked up for
parameters that name one, publish what every account may read, and hear when a reference stands for another
value.
"""

from hostreeve.capabilities.parameters.actions.following import announce, followed
from hostreeve.capabilities.parameters.actions.images import ImageLookup, look_images_up
from hostreeve.capabilities.parameters.actions.publishing import publish
from hostreeve.capabilities.parameters.actions.references import references, resolve_references
from hostreeve.capabilities.parameters.actions.tagging import TAGGABLE
from hostreeve.capabilities.parameters.model.values import DEFAULT_TIER, HIGH_THROUGHPUT

SETTINGS = (DEFAULT_TIER, HIGH_THROUGHPUT)
"""The service settings of Parameter Store."""

__all__ = [
    "SETTINGS",
    "TAGGABLE",
    "ImageLookup",
    "announce",
    "followed",
    "look_images_up",
    "publish",
    "references",
    "resolve_references",
]
