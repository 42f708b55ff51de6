"""The catalog: SQLite, the truth about one collection.

`Catalog` reads and never writes; what changes it is in `catalog_writer.py`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from rag_service.collection_types import DocumentInfo
from rag_service.errors import DocumentNotFound, IndexCorrupt, IndexMismatch
from rag_service.filters import Filters
from rag_service.store.catalog_file import CatalogFile, in_parts
from rag_service.store.catalog_schema import (
    FORMAT_VERSION,
    FileStat,
    IndexedChunk,
    KnownDocument,
    KnownFailure,
)
from rag_service.store.filtering import Allowed, Conditions, document_conditions, page_conditions
from rag_service.types import Chunk

_CHUNK_COLUMNS = """c.chunk_id, c.doc_id, c.ordinal, d.source, d.title, c.heading, c.page,
    c.char_start, c.char_end, c.text, c.table_header"""

_INFO_COLUMNS = """doc_id, source, title, pages,
    (SELECT count(*) FROM chunks c WHERE c.doc_id = d.doc_id),
    chars, size_bytes, content_hash, ingested_at, date,
    (SELECT json_group_array(tag) FROM (SELECT min(tag) AS tag FROM (
        SELECT tag, folded FROM document_tags t WHERE t.doc_id = d.doc_id
        UNION SELECT tag, folded FROM root_tags t WHERE t.root_id = d.root_id)
        GROUP BY folded ORDER BY folded))"""


def _info(row: Sequence[Any]) -> DocumentInfo:
    *columns, tags = row
    return replace(DocumentInfo(*columns), tags=tuple(json.loads(tags)))


def _id_array(joined: str) -> NDArray[np.int64]:
    """Ids parted by commas, ascending."""
    return np.sort(np.fromstring(joined, dtype=np.int64, sep=","))


class Catalog:
    """Read access. Safe to share between threads.

    Raises (every method): IndexCorrupt when SQLite refuses the file.
    """

    _mode: Literal["ro", "rw"] = "ro"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = CatalogFile(path, self._mode)
        if self._meta("format") != str(FORMAT_VERSION):
            raise IndexMismatch(
                f"{path} has format {self._meta('format')}, this version writes {FORMAT_VERSION}. "
                "Delete the collection and ingest its folder again."
            )
        self.uuid = self._meta("uuid")
        self.fingerprint: dict[str, Any] = json.loads(self._meta("fingerprint"))

    def is_outdated(self) -> bool:
        """Whether the file was taken for one that cannot change, and did, or is about to."""
        return self._file.is_outdated()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _meta(self, key: str, default: str | None = None) -> str:
        rows = self._file.rows("SELECT value FROM meta WHERE key = ?", (key,))
        if not rows and default is not None:
            return default
        if not rows:
            raise IndexCorrupt(f"{self.path} lacks {key!r}; restore it or ingest again.")
        return str(rows[0][0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Whatever is read within sees one state, however much is written meanwhile."""
        with self._file.snapshot():
            self.revision()  # a deferred transaction starts with its first read
            yield

    def data_version(self) -> int:
        """A number that moves when another connection commits; costs microseconds."""
        return int(self._file.rows("PRAGMA data_version")[0][0])

    def revision(self) -> int:
        """Sequence number of the last committed change; 0 when there is none."""
        return int(self._file.rows("SELECT coalesce(max(seq), 0) FROM changes")[0][0])

    def counts(self) -> dict[str, int]:
        tables = ("documents", "chunks", "vectors", "failures")
        return {t: self._file.rows(f"SELECT count(*) FROM {t}")[0][0] for t in tables}

    def chunks_since(self, seq: int) -> int:
        """How many living chunks came with later changes."""
        return int(self._file.rows("SELECT count(*) FROM chunks WHERE seq > ?", (seq,))[0][0])

    def updated_at(self) -> str | None:
        rows = self._file.rows("SELECT at FROM changes ORDER BY seq DESC LIMIT 1")
        return rows[0][0] if rows else None

    def texts_embedded(self) -> int:
        """How many texts were ever embedded into this catalog."""
        return int(self._meta("texts_embedded"))

    def model_folder(self) -> str:
        """Where the embedding model lay when it was last written with; "" if by its name."""
        return self._meta("model_folder", default="")

    # -- documents -----------------------------------------------------------

    def documents(self, *, limit: int, offset: int = 0) -> list[DocumentInfo]:
        rows = self._file.rows(
            f"SELECT {_INFO_COLUMNS} FROM documents d ORDER BY source, doc_id LIMIT ? OFFSET ?",
            (limit, offset),
        )
        return [_info(row) for row in rows]

    def document(self, doc_id: int) -> DocumentInfo:
        rows = self._file.rows(
            f"SELECT {_INFO_COLUMNS} FROM documents d WHERE doc_id = ?",
            (doc_id,),
        )
        if not rows:
            raise DocumentNotFound(f"No document {doc_id}; list them to see which there are.")
        return _info(rows[0])

    def known_documents(self, root: str) -> dict[str, KnownDocument]:
        """The documents of one ingested folder, by source."""
        rows = self._file.rows(
            "SELECT source, doc_id, content_hash, size_bytes, mtime_ns, ctime_ns, loader "
            "FROM documents JOIN roots USING (root_id) WHERE path = ?",
            (root,),
        )
        return {r[0]: KnownDocument(r[1], r[0], r[2], FileStat(*r[3:6]), r[6]) for r in rows}

    def known_failures(self, root: str) -> dict[str, KnownFailure]:
        """The files of one ingested folder that could not be read, by source."""
        rows = self._file.rows(
            "SELECT source, code, message, size_bytes, mtime_ns, ctime_ns, loader, at "
            "FROM failures JOIN roots USING (root_id) WHERE path = ? ORDER BY source",
            (root,),
        )
        return {
            source: KnownFailure(source, code, message, FileStat(*stat), loader, at)
            for source, code, message, *stat, loader, at in rows
        }

    def failures(self) -> list[tuple[str, str, str, str, str]]:
        """Every file that could not be read: folder, source, code, message, time."""
        return self._file.rows(
            "SELECT path, source, code, message, at FROM failures JOIN roots USING (root_id) "
            "ORDER BY path, source"
        )

    def roots(self) -> list[str]:
        """The folders that documents come from."""
        rows = self._file.rows("SELECT DISTINCT path FROM roots JOIN documents USING (root_id)")
        return [row[0] for row in rows]

    def root_tags(self) -> dict[str, tuple[str, ...]]:
        """The tags given to whole folders, by their paths."""
        rows = self._file.rows(
            "SELECT path, json_group_array(tag) FROM roots JOIN root_tags USING (root_id) "
            "GROUP BY path"
        )
        return {path: tuple(json.loads(tags)) for path, tags in rows}

    def document_ids(self) -> list[int]:
        return [row[0] for row in self._file.rows("SELECT doc_id FROM documents ORDER BY doc_id")]

    def document_text(self, doc_id: int) -> str:
        """The whole extracted text, the one that spans point into."""
        rows = self._file.rows(
            "SELECT body FROM document_text WHERE doc_id = ? ORDER BY char_start", (doc_id,)
        )
        try:
            return "".join(zlib.decompress(row[0]).decode() for row in rows)
        except (zlib.error, UnicodeDecodeError) as error:
            raise IndexCorrupt(
                f"{self.path}: the stored text of document {doc_id} is damaged ({error}). Ingest "
                "its folder again with --rebuild."
            ) from error

    def allowed(self, filters: Filters) -> Allowed:
        """What a filter lets through. It must restrict something."""
        documents, chunks = document_conditions(filters), page_conditions(filters)
        doc_ids = None
        if documents.sql:
            found = self._joined_ids("doc_id", "documents", documents)
            passing = Conditions("doc_id IN (SELECT value FROM json_each(?))", (f"[{found}]",))
            doc_ids, chunks = _id_array(found), chunks.and_(passing)
        chunk_ids = _id_array(self._joined_ids("chunk_id", "chunks", chunks))
        return Allowed(chunk_ids, doc_ids, filters.page_from, filters.page_to)

    def _joined_ids(self, column: str, table: str, conditions: Conditions) -> str:
        """A column of the rows that meet the conditions, with commas in between."""
        # 100,000 rows cost Python four times what making and reading one text does.
        sql = f"SELECT group_concat({column}) FROM {table} WHERE {conditions.sql}"
        return self._file.rows(sql, conditions.parameters)[0][0] or ""

    # -- chunks --------------------------------------------------------------

    def chunks(self, chunk_ids: Sequence[int]) -> dict[int, Chunk]:
        """Those of the given chunks that still exist."""
        found: dict[int, Chunk] = {}
        for marks, part in in_parts(chunk_ids):
            rows = self._file.rows(
                f"SELECT {_CHUNK_COLUMNS} FROM chunks c JOIN documents d USING (doc_id) "
                f"WHERE c.chunk_id IN ({marks})",
                part,
            )
            found |= {row[0]: Chunk(*row) for row in rows}
        return found

    def chunks_of(self, doc_id: int) -> list[Chunk]:
        rows = self._file.rows(
            f"SELECT {_CHUNK_COLUMNS} FROM chunks c JOIN documents d USING (doc_id) "
            "WHERE c.doc_id = ? ORDER BY c.ordinal",
            (doc_id,),
        )
        return [Chunk(*row) for row in rows]

    def neighbours(self, chunk: Chunk, *, before: int, after: int) -> list[Chunk]:
        """The chunk with those around it in its document, in reading order."""
        rows = self._file.rows(
            f"SELECT {_CHUNK_COLUMNS} FROM chunks c JOIN documents d USING (doc_id) "
            "WHERE c.doc_id = ? AND c.ordinal BETWEEN ? AND ? ORDER BY c.ordinal",
            (chunk.doc_id, chunk.ordinal - before, chunk.ordinal + after),
        )
        return [Chunk(*row) for row in rows]

    # -- what the derived indexes replay -------------------------------------

    def added_chunks(self, after: int, upto: int) -> Iterator[IndexedChunk]:
        """Living chunks that came with changes ``after < seq <= upto``."""
        for rows in self._file.batches(
            "SELECT c.chunk_id, c.doc_id, d.title, c.heading, c.table_header, c.text, c.page, "
            "c.page_end "
            "FROM chunks c JOIN documents d USING (doc_id) "
            "WHERE c.seq > ? AND c.seq <= ? ORDER BY c.seq, c.chunk_id",
            (after, upto),
        ):
            yield from (IndexedChunk(*row) for row in rows)

    def removed_chunks(self, after: int, upto: int) -> list[int]:
        rows = self._file.rows(
            "SELECT chunk_id FROM removed WHERE seq > ? AND seq <= ?", (after, upto)
        )
        return [row[0] for row in rows]

    def chunk_ids_upto(self, seq: int) -> set[int]:
        """The living chunks that came with changes up to ``seq``."""
        return {
            row[0] for row in self._file.rows("SELECT chunk_id FROM chunks WHERE seq <= ?", (seq,))
        }

    def added_vectors(self, after: int, upto: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Ids ``(n,)`` and vectors ``(n, dimension)`` of living chunks that have one."""
        dimension = int(self.fingerprint["dimension"])
        ids, vectors = [np.empty(0, np.int64)], [np.empty((0, dimension), np.float16)]
        for rows in self._file.batches(
            "SELECT c.chunk_id, v.vector FROM chunks c JOIN vectors v USING (vector_key) "
            "WHERE c.seq > ? AND c.seq <= ? AND v.vector IS NOT NULL ORDER BY c.seq, c.chunk_id",
            (after, upto),
        ):
            joined = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f2")
            if joined.size != len(rows) * dimension:
                raise IndexCorrupt(f"{self.path} holds vectors of another size; rebuild it.")
            ids.append(np.array([row[0] for row in rows], dtype=np.int64))
            vectors.append(joined.reshape(len(rows), dimension))
        return np.concatenate(ids), np.concatenate(vectors)

    def integrity_problems(self) -> list[str]:
        """What SQLite itself finds wrong, and chunks whose document is gone."""
        found = [f"catalog: {row[0]}" for row in self._file.rows("PRAGMA integrity_check")]
        found = [line for line in found if line != "catalog: ok"]
        broken = self._file.rows("PRAGMA foreign_key_check")
        return found + [f"catalog: dangling reference in {row[0]}" for row in broken]
