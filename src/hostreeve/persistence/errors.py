"""What can go wrong with a store, worded for the person who has to put it right."""


class StoreError(Exception):
    """Any failure of the store itself. The message names the place and the next step."""


class AlreadyServed(StoreError):
    """Another process has this store open."""


class ReadOnlyStore(StoreError):
    """The store cannot be written: its folder, file system or server is read-only, or the unit was a read."""


class StorageFull(StoreError):
    """No room for this write. It left nothing behind; reads go on, and writes again once there is room."""


class CorruptStore(StoreError):
    """The database file is damaged, or is no database."""


class StoreUnavailable(StoreError):
    """The store does not answer, or its device reports errors."""


class OutcomeUnknown(StoreUnavailable):
    """The store went away in the middle of a commit: kept whole or not at all, nobody knows which."""


class NewerSchema(StoreError):
    """The store was written by a newer Hostreeve, or one with more parts."""


class ChangedMigration(StoreError):
    """A migration that this store already has reads differently now."""


class UnsafeSqlite(StoreError):
    """The SQLite library can lose commits in WAL mode (the WAL-reset bug of 3.7.0 to 3.51.2)."""


class StoreContended(StoreError):
    """The unit lost the race for its rows too many times in a row."""


class ConstraintViolation(StoreError):
    """A row would break a constraint of the schema."""


class UnitFailed(StoreError):
    """The unit swallowed the error of a statement and went on; nothing of it was kept."""


class BackupFailed(StoreError):
    """The backup or restore could not be done; what was there before is untouched."""
