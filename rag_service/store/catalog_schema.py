"""The catalog's tables and rows.

Two ideas carry the design. Every change is one transaction that takes the next number
of ``changes.seq``; chunks remember the number they came with and ``removed`` the number
they went with, so an index that knows how far it has read can catch up by replaying.
And chunk ids are never reused (AUTOINCREMENT), so a stale id in an index can point at
nothing, but never at the wrong text.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag_service.types import ChunkSpan

FORMAT_VERSION = 1

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE roots (
    root_id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE documents (
    doc_id INTEGER PRIMARY KEY AUTOINCREMENT,
    root_id INTEGER NOT NULL REFERENCES roots,
    source TEXT NOT NULL,
    title TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    loader TEXT NOT NULL,
    encoding TEXT NOT NULL,
    pages INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    ingested_at TEXT NOT NULL,
    UNIQUE (root_id, source)
) STRICT;
CREATE TABLE document_text (
    doc_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    char_start INTEGER NOT NULL,
    body BLOB NOT NULL,              -- zlib, UTF-8, TEXT_PART_CHARS characters
    PRIMARY KEY (doc_id, char_start)
) STRICT, WITHOUT ROWID;
CREATE TABLE vectors (
    vector_key BLOB PRIMARY KEY,     -- hash of the embedded text
    vector BLOB                      -- fp16 unit vector, NULL where the model knows no vector
) STRICT, WITHOUT ROWID;
CREATE TABLE chunks (
    chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    page INTEGER,
    char_start INTEGER NOT NULL,
    char_end INTEGER NOT NULL,
    heading TEXT NOT NULL,
    text TEXT NOT NULL,
    vector_key BLOB NOT NULL REFERENCES vectors,
    seq INTEGER NOT NULL,
    UNIQUE (doc_id, ordinal)
) STRICT;
CREATE INDEX chunks_seq ON chunks (seq);
CREATE INDEX chunks_vector ON chunks (vector_key);
CREATE TABLE removed (chunk_id INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE INDEX removed_seq ON removed (seq);
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    doc_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE TABLE failures (
    root_id INTEGER NOT NULL REFERENCES roots,
    source TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (root_id, source)
) STRICT, WITHOUT ROWID;
"""

# Texts are stored in parts so that reading one span of a very large document does not
# load all of it, and no value comes near SQLite's limit of 1 GB.
TEXT_PART_CHARS = 65_536


@dataclass(frozen=True, slots=True)
class FileStat:
    """What tells cheaply that a file has not changed since it was read."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A stored document as the mirror sees it."""

    doc_id: int
    source: str
    content_hash: str
    stat: FileStat
    loader: str


@dataclass(frozen=True, slots=True)
class NewChunk:
    span: ChunkSpan
    vector_key: bytes


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document about to be committed. Every ``vector_key`` must be stored already."""

    root_id: int
    source: str
    title: str
    content_hash: str
    stat: FileStat
    loader: str
    encoding: str
    pages: int
    text: str
    chunks: tuple[NewChunk, ...]


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk as the lexical index wants it."""

    chunk_id: int
    doc_id: int
    title: str
    heading: str
    text: str
