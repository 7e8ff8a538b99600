"""Audit: every call of every principal, allowed or denied, as a record in CloudTrail's format.

A call that changes something has its record in the transaction of the change. Reads and denials are lines of
the replica's journal: a file to which is only added, each line linked to the one before by its hash. A worker
moves both to packed parts in the database, by which they are found.
"""

from hostreeve.platform.audit.actions.hearing import Auditor
from hostreeve.platform.audit.actions.journal import SYNC_S, journal_in

__all__ = ["SYNC_S", "Auditor", "journal_in"]
