"""The errors that the handlers raise; Step Functions sees the class name as the error's name."""

from __future__ import annotations


class IngestionError(Exception):
    """The root of all of them."""


class InvalidEventError(IngestionError):
    """The event lacks something, or asks for an operation that does not exist."""


class MissingReferenceError(IngestionError):
    """A value is null, which means that it lies in S3, but the event has no key for it."""


class UnknownBatchStatusError(IngestionError):
    """OpenAI reports a status that has no defined outcome here."""


class CorruptedDeltaError(IngestionError):
    """A delta in S3 is incomplete or unreadable."""


class CorruptedSnapshotError(IngestionError):
    """A snapshot in S3 is incomplete or unreadable."""


class IncompleteMergeError(IngestionError):
    """Embeddings that were polled are not in what is to be merged, or not in the merged snapshot."""


class LockNotAcquiredError(IngestionError):
    """Another execution updates this database's snapshot; try again later."""


class LockLostError(IngestionError):
    """The lock ran out, or was taken, before the snapshot could be published."""


class BatchConflictError(IngestionError):
    """A batch's status was changed by somebody else."""


class ExecutionNameReusedError(IngestionError):
    """An earlier execution of the same name published the latest snapshot."""
