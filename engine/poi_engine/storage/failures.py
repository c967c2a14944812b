"""What can go wrong in storage, with stable codes.

`storage-full`: no room on the disk; `storage-locked`: somebody holds a lock too long; `storage-away`: gone, broken or
closed; `storage-busy`: too many jobs wait; in all four nothing was written. `commit-unknown`: the answer to a COMMIT
was lost, so the work may be there: ask again with the same idempotency key.
"""

from poi_engine.errors import InternalError, StorageError


class ConstraintFailed(InternalError):
    """A row that the schema refuses: a duplicate key, a check, a change of an immutable row. The job is undone."""

    def __init__(self, message: str) -> None:
        super().__init__("constraint", message)


def away(message: str) -> StorageError:
    """Storage is gone or broken; nothing was written."""
    return StorageError("storage-away", message)


def full() -> StorageError:
    """The disk is full; nothing was written."""
    return StorageError("storage-full", "No room is left where the data is kept. Free some space; nothing was written.")


def locked() -> StorageError:
    """A lock was not given in time; nothing was written."""
    return StorageError("storage-locked", "The data is locked by another program. Nothing was written; try again.")


def busy() -> StorageError:
    """The queue of waiting jobs is full; nothing was written."""
    return StorageError("storage-busy", "Too many changes wait to be written. Nothing was written; try again.")


def unknown() -> StorageError:
    """The outcome of a COMMIT is not known."""
    return StorageError("commit-unknown", "The commit was not confirmed. Repeat the request with the same key.")
