"""Audit: every call of every principal, allowed or denied, as a record in CloudTrail's format.

A call that changes something has its record in the transaction of the change. Reads and denials are lines of
the replica's journal: a file to which is only added, each line linked to the one before by its hash. A worker
moves both to packed parts in the database, by which they are found.
"""

from hostreeve.platform.audit.actions.exporting import Wanted, export
from hostreeve.platform.audit.actions.hearing import Auditor
from hostreeve.platform.audit.actions.journal import SYNC_S, journal_in
from hostreeve.platform.audit.actions.retention import DAYS_DEFAULT, keep_days
from hostreeve.platform.audit.actions.verifying import Report, verify
from hostreeve.platform.audit.model.redaction import HIDDEN, is_secret

__all__ = [
    "DAYS_DEFAULT",
    "HIDDEN",
    "SYNC_S",
    "Auditor",
    "Report",
    "Wanted",
    "export",
    "is_secret",
    "journal_in",
    "keep_days",
    "verify",
]
