"""Documents: named, versioned definitions of work, AWS's own and each account's.

Neighbours resolve a document when they run it (`resolve`), check the values given for its parameters, and
have it made ready with what Parameter Store knows (`prepare`). Quotas are raised by `set_quotas`. Who lives
by the documents of a type hears of their changes (`announce`), and gives AWS's own documents what only it
knows (`furnish`).
"""

from hostreeve.capabilities.documents.actions.changing import announce, guard
from hostreeve.capabilities.documents.actions.finding import arn, check_parameters, exists, resolve
from hostreeve.capabilities.documents.actions.preparing import Prepared, prepare, references
from hostreeve.capabilities.documents.model.document import ON_NODES, DocumentVersion
from hostreeve.capabilities.documents.model.limits import QUOTAS, SIZE_BYTES_MAX, quota, set_quotas
from hostreeve.capabilities.documents.model.owned import furnish
from hostreeve.capabilities.documents.model.parameters import recheck as recheck_values
from hostreeve.capabilities.documents.model.parameters import resolved as check_values
from hostreeve.capabilities.documents.model.schemas import inputs, steps
from hostreeve.capabilities.documents.model.sharing import PUBLIC_SHARING
from hostreeve.capabilities.documents.model.written import Problem
from hostreeve.capabilities.documents.model.written import read as read_file
from hostreeve.platform import groups

TAGGABLE = groups.Taggable("Document", arn, exists, "AWS::SSM::Document", "ssm:document")

__all__ = [
    "ON_NODES",
    "PUBLIC_SHARING",
    "QUOTAS",
    "SIZE_BYTES_MAX",
    "TAGGABLE",
    "DocumentVersion",
    "Prepared",
    "Problem",
    "announce",
    "arn",
    "check_parameters",
    "check_values",
    "exists",
    "furnish",
    "guard",
    "inputs",
    "prepare",
    "quota",
    "read_file",
    "recheck_values",
    "references",
    "resolve",
    "set_quotas",
    "steps",
]
