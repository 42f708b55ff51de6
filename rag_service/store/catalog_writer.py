"""Writing the catalog.

One process at a time may hold a `CatalogWriter` for a collection; the collection's lock
sees to that. Every method is one transaction.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_service.store import document_rows, staging, takeover
from rag_service.store.catalog import Catalog
from rag_service.store.catalog_file import Connection, connect, in_parts
from rag_service.store.catalog_schema import (
    FORMAT_VERSION,
    SCHEMA,
    FileStat,
    KnownFailure,
    NewChunk,
    NewDocument,
    StagedDocument,
)
from rag_service.text.folding import fold_tag


class CatalogWriter(Catalog):
    """Write access; each method is one transaction, durable when it returns."""

    _mode = "rw"

    def __init__(self, path: Path, fingerprint: Mapping[str, Any]) -> None:
        with connect(path, "rwc") as db:
            db.execute("PRAGMA journal_mode = WAL")
            _create_tables(db, fingerprint)
        super().__init__(path)
        self._file.rows("PRAGMA synchronous = FULL")

    def adopt(self, fingerprint: Mapping[str, Any]) -> None:
        """Take on another fingerprint; only an empty catalog may.

        Embeddings that an unfinished run left behind belong to the old one and go.
        """
        assert not self.counts()["documents"], "only an empty catalog can adopt; this is a bug"
        with self._file.transaction() as db:
            db.execute("DELETE FROM vectors")
            db.execute(
                "UPDATE meta SET value = ? WHERE key = 'fingerprint'",
                (json.dumps(dict(fingerprint), sort_keys=True),),
            )
        self.fingerprint = dict(fingerprint)

    def note_model_folder(self, folder: str) -> None:
        """Remember where the embedding model lies, for processes with other settings."""
        if folder == self.model_folder():
            return
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('model_folder', ?)", (folder,))

    def take_over(self, source: Path, keys: Sequence[tuple[int, bytes]]) -> None:
        """Hold what another catalog holds, under the same ids, but with the vectors held here.

        ``keys`` are the vector keys of all its chunks, as ``(chunk_id, vector_key)``. Parts of
        very large documents in the making are left behind.
        """
        self._file.rows("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
        try:
            with self._file.transaction() as db:
                takeover.copy_documents(db, keys)
        finally:
            self._file.rows("DETACH source")

    def root_id(self, path: str) -> int:
        """The id of an ingested folder, made on first use."""
        with self._file.transaction() as db:
            db.execute("INSERT OR IGNORE INTO roots (path) VALUES (?)", (path,))
            row = db.execute("SELECT root_id FROM roots WHERE path = ?", (path,)).fetchone()
            return int(row[0])

    def tag_root(self, root_id: int, tags: Sequence[str]) -> None:
        """Give every document of a folder these tags, in place of those given before."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM root_tags WHERE root_id = ?", (root_id,))
            db.executemany(
                "INSERT OR IGNORE INTO root_tags (root_id, tag, folded) VALUES (?, ?, ?)",
                [(root_id, tag, fold_tag(tag)) for tag in tags],
            )

    def drop_root(self, path: str) -> None:
        """Forget an ingested folder that no document is left of, if it was ever known."""
        with self._file.transaction() as db:
            found = db.execute("SELECT root_id FROM roots WHERE path = ?", (path,)).fetchone()
            if found is None:
                return
            staging.drop_others(db, found[0], ())
            for table in ("failures", "root_tags", "roots"):
                db.execute(f"DELETE FROM {table} WHERE root_id = ?", found)

    def known_vectors(self, keys: Sequence[bytes]) -> set[bytes]:
        found: set[bytes] = set()
        for marks, part in in_parts(keys):
            rows = self._file.rows(
                f"SELECT vector_key FROM vectors WHERE vector_key IN ({marks})", part
            )
            found |= {row[0] for row in rows}
        return found

    def add_vectors(self, vectors: Mapping[bytes, NDArray[np.floating] | None]) -> None:
        """Store embeddings ``(dimension,)``; None marks a text the model cannot represent."""
        rows = [
            (key, None if v is None else np.asarray(v, dtype="<f2").tobytes())
            for key, v in vectors.items()
        ]
        with self._file.transaction() as db:
            db.executemany("INSERT INTO vectors VALUES (?, ?)", rows)
            db.execute(
                "UPDATE meta SET value = value + ? WHERE key = 'texts_embedded'", (len(rows),)
            )

    def put_document(self, new: NewDocument) -> int:
        """Store a document with its chunks in place of whatever its source held before."""
        return self.put_documents([new])[0]

    def put_documents(self, new: Sequence[NewDocument]) -> list[int]:
        """Store several in one transaction: what is durable costs a wait for the disk."""
        with self._file.transaction() as db:
            return [document_rows.put(db, document) for document in new]

    # -- very large documents, part by part -----------------------------------

    def staged(self, root_id: int, source: str, content_hash: str, loader: str) -> StagedDocument:
        """What is stored of a document in the making; nothing when it has changed since."""
        with self._file.transaction() as db:
            return staging.begin(db, root_id, source, content_hash, loader)

    def stage_part(
        self,
        staged: StagedDocument,
        text: str,
        chunks: Sequence[NewChunk],
        *,
        title: str,
        carried: str,
    ) -> StagedDocument:
        """Store the next part; chunk positions and ordinals are those in the whole document."""
        with self._file.transaction() as db:
            return staging.add_part(db, staged, text, chunks, title=title, carried=carried)

    def put_staged(self, staged: StagedDocument, new: NewDocument) -> int:
        """Put the staged parts in place of what the source held; ``new`` has text and chunks
        of none of them."""
        with self._file.transaction() as db:
            doc_id, seq = document_rows.replace(db, new, chars=staged.chars)
            staging.move(db, staged, doc_id, seq)
        return doc_id

    def drop_staged(self, root_id: int, keep: Collection[str]) -> None:
        """Forget what was staged of files that are no longer to be ingested."""
        with self._file.transaction() as db:
            staging.drop_others(db, root_id, keep)

    def remove_document(self, doc_id: int) -> None:
        self.remove_documents([doc_id])

    def remove_documents(self, doc_ids: Sequence[int]) -> None:
        """All at once, however many: each is a change of its own."""
        with self._file.transaction() as db:
            for doc_id in doc_ids:
                document_rows.remove(db, doc_id)

    def move_documents(self, moves: Sequence[tuple[int, str, FileStat]]) -> None:
        """Give documents, as ``(doc_id, source, stat)``, other names; nothing is embedded again.

        All at once, because two documents may have changed names with each other.
        """
        with self._file.transaction() as db:
            for doc_id, _, _ in moves:  # out of each other's way
                db.execute(
                    "UPDATE documents SET source = ? || source WHERE doc_id = ?",
                    (f"\x01{doc_id}/", doc_id),
                )
            for doc_id, source, stat in moves:
                document_rows.move(db, doc_id, source, stat)

    def touch_documents(self, touched: Sequence[tuple[int, FileStat]]) -> None:
        """Remember new time stamps of unchanged contents, as ``(doc_id, stat)``."""
        with self._file.transaction() as db:
            db.executemany(
                "UPDATE documents SET mtime_ns = ?, ctime_ns = ? WHERE doc_id = ?",
                [(stat.mtime_ns, stat.ctime_ns, doc_id) for doc_id, stat in touched],
            )

    def set_failures(self, root_id: int, failures: Sequence[KnownFailure]) -> None:
        """Remember the files of a folder that failed."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM failures WHERE root_id = ?", (root_id,))
            db.executemany(
                "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (root_id, f.source, f.code, f.message, *astuple(f.stat), f.loader, f.at)
                    for f in failures
                ],
            )

    def drop_unused_vectors(self) -> int:
        """Forget embeddings that no chunk uses; returns how many."""
        with self._file.transaction() as db:
            return db.execute(
                "DELETE FROM vectors WHERE vector_key NOT IN (SELECT vector_key FROM chunks "
                "UNION ALL SELECT vector_key FROM staged_chunks)"
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
