"""The rows of a document in the catalog, and the change that each of its versions is.

The functions work within a transaction of the caller's.
"""

from __future__ import annotations

import json
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rag_service.store import staging
from rag_service.store.catalog_file import Connection
from rag_service.store.catalog_schema import FileStat, NewDocument
from rag_service.text.folding import fold_tag

_CHUNK_COLUMNS = f"doc_id, seq, {staging.CHUNK_COLUMNS}"
_CHUNK_MARKS = ",".join("?" * len(_CHUNK_COLUMNS.split(",")))


def now() -> str:
    """The time now, as the catalog writes it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def put(db: Connection, new: NewDocument) -> int:
    """Store a document in place of what its source held; returns its id."""
    doc_id, seq = replace(db, new, chars=len(new.text))
    _insert_contents(db, doc_id, seq, new)
    return doc_id


def replace(db: Connection, new: NewDocument, *, chars: int) -> tuple[int, int]:
    """The document's row, new or again, without contents; and the change's number."""
    row = _document_row(new, chars)
    old = db.execute(
        "SELECT doc_id FROM documents WHERE root_id = ? AND source = ?", (new.root_id, new.source)
    ).fetchone()
    if old:
        doc_id = int(old[0])
        sets = ", ".join(f"{name} = ?" for name in row)
        db.execute(f"UPDATE documents SET {sets} WHERE doc_id = ?", (*row.values(), doc_id))
    else:
        marks = ",".join("?" * len(row))
        insert = f"INSERT INTO documents ({','.join(row)}) VALUES ({marks}) RETURNING doc_id"
        doc_id = int(db.execute(insert, tuple(row.values())).fetchone()[0])
    seq = _next_seq(db, doc_id, "updated" if old else "added")
    _drop_contents(db, doc_id, seq)
    db.execute("DELETE FROM document_tags WHERE doc_id = ?", (doc_id,))
    db.executemany(
        "INSERT OR IGNORE INTO document_tags (doc_id, tag, folded) VALUES (?, ?, ?)",
        [(doc_id, tag, fold_tag(tag)) for tag in new.tags],
    )
    return doc_id, seq


def remove(db: Connection, doc_id: int) -> None:
    """Take a document out, contents and all."""
    _drop_contents(db, doc_id, _next_seq(db, doc_id, "removed"))
    db.execute("DELETE FROM documents WHERE doc_id = ?", (doc_id,))


def move(db: Connection, doc_id: int, source: str, stat: FileStat) -> None:
    """Give a document another name."""
    seq = _next_seq(db, doc_id, "moved")
    old, title = db.execute(
        "SELECT source, title FROM documents WHERE doc_id = ?", (doc_id,)
    ).fetchone()
    db.execute(
        "UPDATE documents SET source = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ? "
        "WHERE doc_id = ?",
        (source, *astuple(stat), doc_id),
    )
    stem = Path(source).stem
    if title == Path(old).stem != stem:
        # A title that was only the file's name moves with it, and is searched anew.
        db.execute("UPDATE documents SET title = ? WHERE doc_id = ?", (stem, doc_id))
        _renew_chunks(db, doc_id, seq)


def _renew_chunks(db: Connection, doc_id: int, seq: int) -> None:
    """The same chunks under new ids, so that the indexes take them in again."""
    columns = staging.CHUNK_COLUMNS
    rows = db.execute(
        f"SELECT doc_id, ?, {columns} FROM chunks WHERE doc_id = ? ORDER BY ordinal", (seq, doc_id)
    ).fetchall()
    db.execute("INSERT INTO removed SELECT chunk_id, ? FROM chunks WHERE doc_id = ?", (seq, doc_id))
    db.execute("DELETE FROM chunks WHERE doc_id = ?", (doc_id,))
    db.executemany(f"INSERT INTO chunks ({_CHUNK_COLUMNS}) VALUES ({_CHUNK_MARKS})", rows)


def _next_seq(db: Connection, doc_id: int, kind: str) -> int:
    row = db.execute(
        "INSERT INTO changes (doc_id, kind, at) VALUES (?, ?, ?) RETURNING seq",
        (doc_id, kind, now()),
    ).fetchone()
    return int(row[0])


def _drop_contents(db: Connection, doc_id: int, seq: int) -> None:
    db.execute("INSERT INTO removed SELECT chunk_id, ? FROM chunks WHERE doc_id = ?", (seq, doc_id))
    db.execute("DELETE FROM chunks WHERE doc_id = ?", (doc_id,))
    db.execute("DELETE FROM document_text WHERE doc_id = ?", (doc_id,))


def _insert_contents(db: Connection, doc_id: int, seq: int, new: NewDocument) -> None:
    db.executemany(
        "INSERT INTO document_text VALUES (?, ?, ?)",
        ((doc_id, start, body) for start, body in staging.text_rows(new.text, 0)),
    )
    db.executemany(
        f"INSERT INTO chunks ({_CHUNK_COLUMNS}) VALUES ({_CHUNK_MARKS})",
        ((doc_id, seq, *staging.chunk_row(chunk)) for chunk in new.chunks),
    )


def _document_row(new: NewDocument, chars: int) -> dict[str, Any]:
    return {
        "root_id": new.root_id,
        "source": new.source,
        "title": new.title,
        "content_hash": new.content_hash,
        "size_bytes": new.stat.size_bytes,
        "mtime_ns": new.stat.mtime_ns,
        "ctime_ns": new.stat.ctime_ns,
        "loader": new.loader,
        "engine": new.engine,
        "encoding": new.encoding,
        "warnings": json.dumps(new.warnings, ensure_ascii=False),
        "pages": new.pages,
        "chars": chars,
        "ingested_at": now(),
        "own_date": new.date,
    }
