"""Very large documents in the making: stored part by part, seen by no reader until whole.

A kill costs the part at work. The old version of the document stays in use until the new
one is complete; then its parts change places in one transaction. Every function works
within the caller's transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rag_service.store.catalog_file import Connection
from rag_service.store.catalog_schema import TEXT_PART_CHARS, NewChunk, StagedDocument

CHUNK_COLUMNS = (
    "ordinal, page, char_start, char_end, heading, table_header, text, vector_key, page_end"
)


def chunk_row(chunk: NewChunk) -> tuple[Any, ...]:
    """The values of ``CHUNK_COLUMNS``."""
    span = chunk.span
    return (
        span.ordinal,
        span.page,
        span.char_start,
        span.char_end,
        span.heading,
        span.table_header,
        span.text,
        chunk.vector_key,
        span.page if span.page_end is None else span.page_end,
    )


def text_rows(text: str, offset: int) -> Iterator[tuple[int, bytes]]:
    """``(char_start, body)`` of a text that starts at ``offset`` of its document."""
    for start in range(0, len(text), TEXT_PART_CHARS):
        part = text[start : start + TEXT_PART_CHARS]
        yield offset + start, zlib.compress(part.encode(), 1)


def begin(
    db: Connection, root_id: int, source: str, content_hash: str, loader: str
) -> StagedDocument:
    """The parts stored of this very content read by this very loader; none of any other."""
    db.execute(
        "DELETE FROM staged_documents WHERE root_id = ? AND source = ? "
        "AND (content_hash <> ? OR loader <> ?)",
        (root_id, source, content_hash, loader),
    )
    db.execute(
        "INSERT OR IGNORE INTO staged_documents "
        "(root_id, source, content_hash, loader, parts, chars, chunks, title, carried) "
        "VALUES (?, ?, ?, ?, 0, 0, 0, '', '')",
        (root_id, source, content_hash, loader),
    )
    row = db.execute(
        "SELECT staged_id, parts, chars, chunks, title, carried FROM staged_documents "
        "WHERE root_id = ? AND source = ?",
        (root_id, source),
    ).fetchone()
    return StagedDocument(*row)


def add_part(
    db: Connection,
    staged: StagedDocument,
    text: str,
    chunks: Sequence[NewChunk],
    *,
    title: str,
    carried: str,
) -> StagedDocument:
    """Store one more part and say what is stored now."""
    db.executemany(
        "INSERT INTO staged_text VALUES (?, ?, ?)",
        ((staged.staged_id, start, body) for start, body in text_rows(text, staged.chars)),
    )
    db.executemany(
        f"INSERT INTO staged_chunks (staged_id, {CHUNK_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",
        ((staged.staged_id, *chunk_row(chunk)) for chunk in chunks),
    )
    after = replace(
        staged,
        parts=staged.parts + 1,
        chars=staged.chars + len(text),
        chunks=staged.chunks + len(chunks),
        title=title,
        carried=carried,
    )
    db.execute(
        "UPDATE staged_documents SET parts = ?, chars = ?, chunks = ?, title = ?, carried = ? "
        "WHERE staged_id = ?",
        (after.parts, after.chars, after.chunks, title, carried, staged.staged_id),
    )
    return after


def move(db: Connection, staged: StagedDocument, doc_id: int, seq: int) -> None:
    """Make the staged contents those of ``doc_id``, as change ``seq``."""
    db.execute(
        "INSERT INTO document_text SELECT ?, char_start, body FROM staged_text WHERE staged_id = ?",
        (doc_id, staged.staged_id),
    )
    db.execute(
        f"INSERT INTO chunks (doc_id, seq, {CHUNK_COLUMNS}) "
        f"SELECT ?, ?, {CHUNK_COLUMNS} FROM staged_chunks WHERE staged_id = ? ORDER BY ordinal",
        (doc_id, seq, staged.staged_id),
    )
    db.execute("DELETE FROM staged_documents WHERE staged_id = ?", (staged.staged_id,))


def drop_others(db: Connection, root_id: int, keep: Collection[str]) -> None:
    """Forget what is staged of every source but those in ``keep``."""
    rows = db.execute(
        "SELECT staged_id, source FROM staged_documents WHERE root_id = ?", (root_id,)
    ).fetchall()
    db.executemany(
        "DELETE FROM staged_documents WHERE staged_id = ?",
        [(staged_id,) for staged_id, source in rows if source not in keep],
    )
