"""The catalog's tables and rows.

Two ideas carry the design. Every change is one transaction that takes the next number
of ``changes.seq``; chunks remember the number they came with and ``removed`` the number
they went with, so an index that knows how far it has read can catch up by replaying.
And chunk ids are never reused (AUTOINCREMENT), so a stale id in an index can point at
nothing, but never at the wrong text.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag_service.document_types import ChunkSpan

FORMAT_VERSION = 3

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
    loader TEXT NOT NULL,            -- format and loader version, "pdf/1"
    engine TEXT NOT NULL,            -- what read it, "pypdf 7.1.0"
    encoding TEXT NOT NULL,
    warnings TEXT NOT NULL,          -- JSON, an array of sentences
    pages INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    ingested_at TEXT NOT NULL,
    own_date TEXT NOT NULL,          -- "2024-05-31", "" where the file states none
    date TEXT NOT NULL AS (
        CASE own_date WHEN '' THEN date(mtime_ns / 1000000000, 'unixepoch') ELSE own_date END
    ),
    UNIQUE (root_id, source)
) STRICT;
CREATE INDEX documents_source ON documents (source);
CREATE INDEX documents_date ON documents (date);
-- Keys first: the integrity check of SQLite 3.40 calls a table without row ids broken otherwise.
CREATE TABLE document_tags (
    folded TEXT NOT NULL,            -- as it is compared
    doc_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    tag TEXT NOT NULL,               -- as the file writes it
    PRIMARY KEY (folded, doc_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_tags_doc ON document_tags (doc_id, tag);
CREATE TABLE root_tags (             -- of every document of an ingested folder
    root_id INTEGER NOT NULL REFERENCES roots,
    folded TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (root_id, folded)
) STRICT, WITHOUT ROWID;
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
    table_header TEXT NOT NULL,
    text TEXT NOT NULL,
    vector_key BLOB NOT NULL REFERENCES vectors,
    seq INTEGER NOT NULL,
    page_end INTEGER,                -- last page it touches
    UNIQUE (doc_id, ordinal)
) STRICT;
CREATE INDEX chunks_page ON chunks (doc_id, page, page_end) WHERE page IS NOT NULL;
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
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    loader TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (root_id, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE staged_documents (      -- very large files in the making, part by part
    staged_id INTEGER PRIMARY KEY,
    root_id INTEGER NOT NULL REFERENCES roots,
    source TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    loader TEXT NOT NULL,
    parts INTEGER NOT NULL,          -- how many are done
    chars INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    title TEXT NOT NULL,             -- found in the first part
    carried TEXT NOT NULL,           -- what the next part needs to know of the last
    UNIQUE (root_id, source)
) STRICT;
CREATE TABLE staged_text (
    staged_id INTEGER NOT NULL REFERENCES staged_documents ON DELETE CASCADE,
    char_start INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (staged_id, char_start)
) STRICT, WITHOUT ROWID;
CREATE TABLE staged_chunks (
    staged_id INTEGER NOT NULL REFERENCES staged_documents ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    page INTEGER,
    char_start INTEGER NOT NULL,
    char_end INTEGER NOT NULL,
    heading TEXT NOT NULL,
    table_header TEXT NOT NULL,
    text TEXT NOT NULL,
    vector_key BLOB NOT NULL REFERENCES vectors,
    page_end INTEGER,
    PRIMARY KEY (staged_id, ordinal)
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
class KnownFailure:
    """A file that could not be read, and what it was when that was tried."""

    source: str
    code: str
    message: str
    stat: FileStat
    loader: str
    at: str  # ISO 8601, UTC


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
    engine: str
    encoding: str
    warnings: tuple[str, ...]
    pages: int
    text: str
    chunks: tuple[NewChunk, ...]
    date: str = ""  # of its own, ISO 8601
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StagedDocument:
    """A very large document of which ``parts`` are stored, not yet to be seen by readers.

    ``chars`` and ``chunks`` count what is stored: the next part starts there. ``carried`` is
    the caller's own note from one part to the next.
    """

    staged_id: int
    parts: int
    chars: int
    chunks: int
    title: str
    carried: str


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk as the lexical index wants it."""

    chunk_id: int
    doc_id: int
    title: str
    heading: str
    table_header: str
    text: str
    page: int | None
    page_end: int | None
