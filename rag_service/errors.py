"""Every error the service raises on purpose.

RagError
├── InvalidRequest            the caller can fix the request
│   ├── QuestionTooLong
│   ├── InvalidCollectionName
│   └── InvalidFileName       of an upload
├── NotFound
│   ├── CollectionNotFound
│   ├── DocumentNotFound
│   ├── JobNotFound
│   └── PathNotFound          a folder or file named by the caller
├── Conflict
│   ├── CollectionExists
│   ├── CollectionBusy        another process is writing
│   ├── WorkerRunning         a data folder has one worker, and it has one already
│   ├── NotUploaded           the document's truth is a folder on disk, not the service
│   └── IndexMismatch         built with other models or settings
├── IndexCorrupt              a stored file is damaged
├── StorageError              the disk is full, read-only or not ours
│   └── StorageFull           it is full
├── ConfigError               settings that cannot work
│   ├── EmbeddingModelError
│   ├── RerankerModelError
│   ├── ChatModelError
│   └── PromptError
├── DocumentError             one file could not be read; costs that file alone
│   ├── UnsupportedFormat
│   ├── UnreadableFile
│   ├── EncryptedFile
│   ├── BrokenFile
│   ├── NotText               binary content under a text name
│   ├── UnknownEncoding
│   ├── NoText                nothing to read, e.g. scanned pages
│   │   └── EmptyFile         nothing in it at all, so nothing is lost
│   └── ParserFailed          the parser crashed or ran out of time or memory
├── RemoteServiceError        a service asked over HTTP is not there, or refuses
├── Overloaded                the queue in front of the model is full
├── DeadlineExceeded          the answer was not done in the time a request may take
├── ShuttingDown              the service is being stopped
├── Cancelled                 the caller went away
└── GenerationError           the chat model failed

``code`` is stable and machine-readable. Messages say what to do next. Nothing here
knows HTTP: `api/errors.py` has the one table to statuses.
"""

from __future__ import annotations


class RagError(Exception):
    """Base of the tree. ``str(error)`` is fit to be shown to a user."""

    code = "internal_error"


class InvalidRequest(RagError):
    code = "invalid_request"


class QuestionTooLong(InvalidRequest):
    code = "question_too_long"


class InvalidCollectionName(InvalidRequest):
    code = "invalid_collection_name"


class InvalidFileName(InvalidRequest):
    code = "invalid_file_name"


class NotFound(RagError):
    code = "not_found"


class CollectionNotFound(NotFound):
    code = "collection_not_found"


class DocumentNotFound(NotFound):
    code = "document_not_found"


class JobNotFound(NotFound):
    code = "job_not_found"


class PathNotFound(NotFound):
    code = "path_not_found"


class Conflict(RagError):
    code = "conflict"


class CollectionExists(Conflict):
    code = "collection_exists"


class CollectionBusy(Conflict):
    code = "collection_busy"


class WorkerRunning(Conflict):
    code = "worker_running"


class NotUploaded(Conflict):
    code = "not_uploaded"


class IndexMismatch(Conflict):
    code = "index_mismatch"


class IndexCorrupt(RagError):
    code = "index_corrupt"


class StorageError(RagError):
    code = "storage_error"


class StorageFull(StorageError):
    code = "storage_full"


class ConfigError(RagError):
    code = "config_error"


class EmbeddingModelError(ConfigError):
    code = "embedding_model_error"


class RerankerModelError(ConfigError):
    code = "reranker_model_error"


class ChatModelError(ConfigError):
    code = "chat_model_error"


class PromptError(ConfigError):
    code = "prompt_error"


class DocumentError(RagError):
    code = "document_error"


class UnsupportedFormat(DocumentError):
    code = "unsupported_format"


class UnreadableFile(DocumentError):
    code = "unreadable_file"


class EncryptedFile(DocumentError):
    code = "encrypted_file"


class BrokenFile(DocumentError):
    code = "broken_file"


class NotText(DocumentError):
    code = "not_text"


class UnknownEncoding(DocumentError):
    code = "unknown_encoding"


class NoText(DocumentError):
    code = "no_text"


class EmptyFile(NoText):
    code = "empty_file"


class ParserFailed(DocumentError):
    code = "parser_failed"


class RemoteServiceError(RagError):
    code = "remote_service_error"


class Overloaded(RagError):
    """``retry_after`` is in seconds."""

    code = "overloaded"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(RagError):
    code = "deadline_exceeded"


class ShuttingDown(RagError):
    code = "shutting_down"


class Cancelled(RagError):
    code = "cancelled"


class GenerationError(RagError):
    code = "generation_error"
