"""What the service says of a collection and of the documents in it. No heavy imports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """One line of a collection's document list."""

    doc_id: int
    source: str
    title: str
    pages: int
    chunks: int
    chars: int
    size_bytes: int
    content_hash: str  # sha256 hex of the file's bytes
    ingested_at: str  # ISO 8601, UTC
    date: str = ""  # its own, else that of the file's last change; ISO 8601
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What `rag status` and `GET /collections` say of one collection."""

    name: str
    documents: int
    chunks: int
    failed: int  # files of the folder that could not be read
    revision: int
    pending: int  # committed changes the derived indexes have not seen yet
    embedding_model: str
    updated_at: str | None


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file of an ingested folder that could not be read; tried again when it changes."""

    collection: str
    folder: str
    source: str
    code: str
    message: str
    at: str  # of the last try; ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class ForgottenDocument:
    """A document taken out of a collection by hand. ``folder`` is what it was read from."""

    doc_id: int
    source: str
    folder: str
    is_uploaded: bool
    comes_back: bool  # its file is still there: the next ingest of the folder reads it again


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Outcome of checking one collection; clean when ``problems`` is empty."""

    collection: str
    problems: tuple[str, ...]
    documents: int
    chunks: int
    vectors: int
    revision: int


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What was done. ``embedded``: texts that this run embedded; ``reused``: an earlier one."""

    collection: str
    model_before: str
    model: str
    documents: int
    chunks: int
    embedded: int
    reused: int
    seconds: float
