"""What must be true of a collection after a kill, and when an uninterrupted run has ended."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.crash.corpus import MARK, Corpus
from rag_service.errors import CollectionNotFound
from rag_service.store.catalog import Catalog
from rag_service.store.home import CollectionHome
from rag_service.store.library import Library
from rag_service.store.verify import verify_collection

_LAGGING = "not searchable yet"  # allowed after a kill; the next run publishes

# All that belongs into a collection's folder, when nobody writes.
_BELONGS = re.compile(
    r"current|\.writer\.lock|uploads(/.*)?|incoming|g\d+|g\d+/(catalog\.sqlite(-wal|-shm)?"
    r"|dense(/vec\.[0-9a-f-]{36}\.\d+\.faiss)?|lexical(/.*)?)"
)
_LEDGER = """
BEGIN IMMEDIATE;
CREATE TABLE harness_ledger (vector_key BLOB);
INSERT INTO harness_ledger SELECT vector_key FROM vectors;
CREATE TRIGGER harness_ledger AFTER INSERT ON vectors
    BEGIN INSERT INTO harness_ledger VALUES (NEW.vector_key); END;
COMMIT;
"""


class Inspector:
    """Looks into one collection from outside."""

    def __init__(self, corpus: Corpus, library: Library, collection: str, root: Path) -> None:
        self.corpus = corpus
        self._library = library
        self._home: CollectionHome = library.home(collection)
        self._root = str(root.resolve())
        self.committed: dict[str, str] = {}  # SHA-256 by source, when last looked

    def catalog(self) -> Catalog | None:
        try:
            return self._library.open(self._home.name).catalog
        except CollectionNotFound:  # killed before there was one
            return None

    def after_a_kill(self) -> Iterator[str]:
        """Problems; nothing may be writing."""
        self.keep_ledgers()
        catalog = self.catalog()
        if catalog is None:
            if self.committed:
                yield "the collection is gone"
            return
        yield from (problem for problem in self._verify() if _LAGGING not in problem)
        held, present = self._held(catalog), self.corpus.contents()
        for source, content in self.committed.items():
            if present.get(source) == content and held.get(source) != content:
                yield f"{source} was committed and is lost"
        self.committed = held

    def when_finished(self) -> Iterator[str]:
        """Problems after a run that was left alone."""
        yield from self.after_a_kill()
        catalog = self.catalog()
        if catalog is None:
            yield "there is no collection"
            return
        yield from (problem for problem in self._verify() if _LAGGING in problem)
        if self._held(catalog) != self.corpus.contents():
            yield "the collection does not mirror the folder"
        yield from self._texts(catalog)
        yield from self._left_over(catalog)
        yield from self._embedded_twice(catalog)

    def is_mirror(self) -> bool:
        catalog = self.catalog()
        return catalog is not None and self._held(catalog) == self.corpus.contents()

    def marks_held(self) -> set[str]:
        """The marks of all texts stored, whatever version of a file they are."""
        catalog = self.catalog()
        texts = map(catalog.document_text, catalog.document_ids()) if catalog else ()
        return {found[0] for text in texts if (found := MARK.search(text))}

    def embedded(self) -> tuple[int, int]:
        """Texts ever embedded into the catalog in use, and how many of them are distinct."""
        catalog = self.catalog()
        if catalog is None:
            return 0, 0
        sql = "SELECT count(*), count(DISTINCT vector_key) FROM harness_ledger"
        with closing(_connect(catalog.path, "ro")) as db:
            texts, distinct = db.execute(sql).fetchone()
        return texts, distinct

    def _verify(self) -> list[str]:
        # Nobody writes now, so there is nobody to wait for who would publish.
        problems = verify_collection(self._home, published_within_s=0).problems
        return [f"verify: {problem}" for problem in problems]

    def _held(self, catalog: Catalog) -> dict[str, str]:
        known = catalog.known_documents(self._root)
        return {source: document.content_hash for source, document in known.items()}

    def _texts(self, catalog: Catalog) -> Iterator[str]:
        for source, known in catalog.known_documents(self._root).items():
            expected = self.corpus.text_of.get(known.content_hash)
            if catalog.document_text(known.doc_id) != expected:
                yield f"{source}: the stored text is not what the file holds"

    def _left_over(self, catalog: Catalog) -> Iterator[str]:
        for path in sorted(self._home.folder.rglob("*")):
            name = path.relative_to(self._home.folder).as_posix()
            if not _BELONGS.fullmatch(name):
                yield f"left over: {name}"
        for pattern, most in (("g*", 1), ("g*/dense/*", 1)):
            if len(found := list(self._home.folder.glob(pattern))) > most:
                yield f"left over: one of {sorted(path.name for path in found)}"
        yield from _left_by_tantivy(catalog.path.with_name("lexical"))
        for table in ("staged_documents", "staged_text", "staged_chunks", "failures"):
            if rows := self._count(catalog, f"FROM {table}"):
                yield f"left over: {rows} rows of {table}"
        unused = "FROM vectors WHERE vector_key NOT IN (SELECT vector_key FROM chunks)"
        if rows := self._count(catalog, unused):
            yield f"left over: {rows} vectors of no chunk"

    def _embedded_twice(self, catalog: Catalog) -> Iterator[str]:
        embedded, distinct = self.embedded()
        if not embedded == distinct == catalog.texts_embedded():
            yield (
                f"{catalog.texts_embedded()} texts were embedded; the ledger says {embedded}, "
                f"of which {distinct} distinct"
            )

    def _count(self, catalog: Catalog, where: str) -> int:
        with closing(_connect(catalog.path, "ro")) as db:
            return int(db.execute(f"SELECT count(*) {where}").fetchone()[0])

    def keep_ledgers(self) -> None:
        """Have the catalogs note every text that is embedded from here on, for good.

        In the same transaction as the embedding itself, so whatever is killed, it is exact.
        """
        for path in self._home.folder.glob("g*/catalog.sqlite"):
            with closing(_connect(path, "rw")) as db:
                tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
                if "vectors" in tables and "harness_ledger" not in tables:
                    db.executescript(_LEDGER)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=30)


def _left_by_tantivy(folder: Path) -> Iterator[str]:
    """Files that no later commit would ever remove."""
    listed = folder / ".managed.json"
    managed = set(json.loads(listed.read_text("utf-8"))) if listed.exists() else set()
    locks = {".managed.json", ".tantivy-meta.lock", ".tantivy-writer.lock"}
    for path in sorted(folder.iterdir()) if folder.exists() else []:
        if path.name not in managed | locks:
            yield f"left over by tantivy: {path.name}"
