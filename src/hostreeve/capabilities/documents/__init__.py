"""Documents: named, versioned definitions of work, AWS's own and each account's.

Neighbours resolve a document when they run it, and check the values given for its parameters.
"""

from hostreeve.capabilities.documents.actions import TAGGABLE, arn, check_parameters, resolve
from hostreeve.capabilities.documents.model.document import DocumentVersion
from hostreeve.capabilities.documents.model.limits import SIZE_BYTES_MAX
from hostreeve.capabilities.documents.model.schemas import inputs, steps

__all__ = [
    "SIZE_BYTES_MAX",
    "TAGGABLE",
    "DocumentVersion",
    "arn",
    "check_parameters",
    "inputs",
    "resolve",
    "steps",
]
