"""Writing the catalog.

One process at a time may hold a `CatalogWriter` for a collection; the collection's lock
sees to that. Every method is one transaction.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_service.store.catalog import Catalog, Connection, batches, connect, translated
from rag_service.store.catalog_schema import (
    FORMAT_VERSION,
    SCHEMA,
    TEXT_PART_CHARS,
    FileStat,
    NewDocument,
)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class CatalogWriter(Catalog):
    """Write access; each method is one transaction, durable when it returns."""

    _mode = "rw"

    def __init__(self, path: Path, fingerprint: Mapping[str, Any]) -> None:
        with connect(path, "rwc") as db:
            db.execute("PRAGMA journal_mode = WAL")
            _create_tables(db, fingerprint)
        super().__init__(path)
        self._db.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._lock, translated(self.path):
            # IMMEDIATE: a deferred transaction that turns from reading to writing fails
            # at once when another connection holds the lock, whatever the timeout.
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled back by itself
                    self._db.execute("ROLLBACK")
                raise

    def adopt(self, fingerprint: Mapping[str, Any]) -> None:
        """Take on another fingerprint; only an empty catalog may.

        Embeddings that an unfinished run left behind belong to the old one and go.
        """
        assert not self.counts()["documents"], "only an empty catalog can adopt; this is a bug"
        with self._transaction() as db:
            db.execute("DELETE FROM vectors")
            db.execute(
                "UPDATE meta SET value = ? WHERE key = 'fingerprint'",
                (json.dumps(dict(fingerprint), sort_keys=True),),
            )
        self.fingerprint = dict(fingerprint)

    def root_id(self, path: str) -> int:
        """The id of an ingested folder, made on first use."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO roots (path) VALUES (?)", (path,))
            row = db.execute("SELECT root_id FROM roots WHERE path = ?", (path,)).fetchone()
            return int(row[0])

    def known_vectors(self, keys: Sequence[bytes]) -> set[bytes]:
        found: set[bytes] = set()
        for marks, part in batches(keys):
            rows = self._rows(f"SELECT vector_key FROM vectors WHERE vector_key IN ({marks})", part)
            found |= {row[0] for row in rows}
        return found

    def add_vectors(self, vectors: Mapping[bytes, NDArray[np.floating] | None]) -> None:
        """Store embeddings ``(dimension,)``; None marks a text the model cannot represent."""
        rows = [
            (key, None if v is None else np.asarray(v, dtype="<f2").tobytes())
            for key, v in vectors.items()
        ]
        with self._transaction() as db:
            db.executemany("INSERT INTO vectors VALUES (?, ?)", rows)
            db.execute(
                "UPDATE meta SET value = value + ? WHERE key = 'texts_embedded'", (len(rows),)
            )

    def put_document(self, new: NewDocument) -> int:
        """Store a document with its chunks in place of whatever its source held before."""
        with self._transaction() as db:
            old = db.execute(
                "SELECT doc_id FROM documents WHERE root_id = ? AND source = ?",
                (new.root_id, new.source),
            ).fetchone()
            row = _document_row(new)
            if old:
                doc_id = int(old[0])
                sets = ", ".join(f"{name} = ?" for name in row)
                db.execute(
                    f"UPDATE documents SET {sets} WHERE doc_id = ?",
                    (*row.values(), doc_id),
                )
            else:
                marks = ",".join("?" * len(row))
                doc_id = int(
                    db.execute(
                        f"INSERT INTO documents ({','.join(row)}) VALUES ({marks}) "
                        "RETURNING doc_id",
                        tuple(row.values()),
                    ).fetchone()[0]
                )
            seq = _next_seq(db, doc_id, "updated" if old else "added")
            _drop_contents(db, doc_id, seq)
            _insert_contents(db, doc_id, seq, new)
        return doc_id

    def remove_document(self, doc_id: int) -> None:
        with self._transaction() as db:
            seq = _next_seq(db, doc_id, "removed")
            _drop_contents(db, doc_id, seq)
            db.execute("DELETE FROM documents WHERE doc_id = ?", (doc_id,))

    def move_document(self, doc_id: int, source: str, stat: FileStat) -> None:
        """Same content under another name: nothing is embedded or indexed again."""
        # A title that was only the file's name moves with it.
        stems = (Path(self.document(doc_id).source).stem, Path(source).stem)
        with self._transaction() as db:
            _next_seq(db, doc_id, "moved")
            db.execute(
                "UPDATE documents SET source = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ?, "
                "title = CASE title WHEN ? THEN ? ELSE title END WHERE doc_id = ?",
                (source, stat.size_bytes, stat.mtime_ns, stat.ctime_ns, *stems, doc_id),
            )

    def touch_document(self, doc_id: int, stat: FileStat) -> None:
        """Remember a new time stamp of unchanged content."""
        with self._transaction() as db:
            db.execute(
                "UPDATE documents SET mtime_ns = ?, ctime_ns = ? WHERE doc_id = ?",
                (stat.mtime_ns, stat.ctime_ns, doc_id),
            )

    def set_failures(self, root_id: int, failures: Sequence[tuple[str, str, str]]) -> None:
        """Remember the files of a folder that failed, as ``(source, code, message)``."""
        with self._transaction() as db:
            db.execute("DELETE FROM failures WHERE root_id = ?", (root_id,))
            db.executemany(
                "INSERT INTO failures VALUES (?, ?, ?, ?, ?)",
                [(root_id, *failure, _now()) for failure in failures],
            )

    def drop_unused_vectors(self) -> int:
        """Forget embeddings that no chunk uses; returns how many."""
        with self._transaction() as db:
            return db.execute(
                "DELETE FROM vectors WHERE vector_key NOT IN (SELECT vector_key FROM chunks)"
            ).rowcount


def _create_tables(db: Connection, fingerprint: Mapping[str, Any]) -> None:
    # One transaction: a catalog either does not exist yet or is complete.
    db.execute("BEGIN IMMEDIATE")
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone():
        for statement in SCHEMA.split(";"):
            db.execute(statement)
        db.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [
                ("uuid", str(uuid.uuid4())),
                ("format", str(FORMAT_VERSION)),
                ("fingerprint", json.dumps(dict(fingerprint), sort_keys=True)),
                ("texts_embedded", "0"),
            ],
        )
    db.execute("COMMIT")


def _next_seq(db: Connection, doc_id: int, kind: str) -> int:
    row = db.execute(
        "INSERT INTO changes (doc_id, kind, at) VALUES (?, ?, ?) RETURNING seq",
        (doc_id, kind, _now()),
    ).fetchone()
    return int(row[0])


def _drop_contents(db: Connection, doc_id: int, seq: int) -> None:
    db.execute("INSERT INTO removed SELECT chunk_id, ? FROM chunks WHERE doc_id = ?", (seq, doc_id))
    db.execute("DELETE FROM chunks WHERE doc_id = ?", (doc_id,))
    db.execute("DELETE FROM document_text WHERE doc_id = ?", (doc_id,))


def _insert_contents(db: Connection, doc_id: int, seq: int, new: NewDocument) -> None:
    db.executemany(
        "INSERT INTO document_text VALUES (?, ?, ?)",
        (
            (doc_id, start, zlib.compress(new.text[start : start + TEXT_PART_CHARS].encode(), 1))
            for start in range(0, len(new.text), TEXT_PART_CHARS)
        ),
    )
    db.executemany(
        "INSERT INTO chunks (doc_id, ordinal, page, char_start, char_end, heading, text, "
        "vector_key, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (doc_id, s.ordinal, s.page, s.char_start, s.char_end, s.heading, s.text, key, seq)
            for s, key in ((chunk.span, chunk.vector_key) for chunk in new.chunks)
        ),
    )


def _document_row(new: NewDocument) -> dict[str, Any]:
    return {
        "root_id": new.root_id,
        "source": new.source,
        "title": new.title,
        "content_hash": new.content_hash,
        "size_bytes": new.stat.size_bytes,
        "mtime_ns": new.stat.mtime_ns,
        "ctime_ns": new.stat.ctime_ns,
        "loader": new.loader,
        "encoding": new.encoding,
        "pages": new.pages,
        "chars": len(new.text),
        "ingested_at": _now(),
    }
