"""Writing the lexical index: replaying what has changed in the catalog."""

from __future__ import annotations

import shutil
from pathlib import Path

import tantivy

from rag_service.errors import IndexCorrupt
from rag_service.store.catalog import Catalog
from rag_service.store.catalog_schema import IndexedChunk
from rag_service.store.lexical import GLOSSED, index_schema, open_index, owner_of, watermark_of
from rag_service.text.analysis import analyze
from rag_service.text.gloss.glossing import gloss_terms, is_chinese

# 15 MB is tantivy's least; 64 MB ingested 2x as fast as it and is still modest.
_HEAP_BYTES = 64_000_000


class LexicalWriter:
    """Brings the index up to the catalog. One at a time (tantivy locks the folder)."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder = folder
        self._catalog = catalog
        self._recover()

    def _recover(self) -> None:
        beside = self._folder.with_name(self._folder.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(self._folder.with_name(self._folder.name + ".old"), ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(".tmp*"):
            left.unlink(missing_ok=True)  # tantivy was killed while it wrote one of its lists
        try:
            self._index = open_index(self._folder)
            mark = watermark_of(self._index, self._index.searcher())
            self.seq = mark.seq
            owned = mark.owner in ("", owner_of(self._catalog))
            usable = owned and mark.seq <= self._catalog.revision()
        except IndexCorrupt:
            usable = False
        if not usable:
            self._rebuild(beside)

    def _rebuild(self, beside: Path) -> None:
        # Beside the old one, which readers may be using, then switched in.
        beside.mkdir(parents=True)
        self._index, self.seq = tantivy.Index(index_schema(), path=str(beside)), 0
        self.catch_up()
        retired = self._folder.with_name(self._folder.name + ".old")
        self._folder.rename(retired)
        beside.rename(self._folder)
        shutil.rmtree(retired, ignore_errors=True)
        self._index = open_index(self._folder)

    def catch_up(self) -> int:
        """Replay every change since the watermark in one commit; returns the new one.

        A writer whose commit failed silently loses what it held, so each call takes a
        fresh one.
        """
        upto = self._catalog.revision()
        if upto == self.seq:
            return self.seq
        writer = self._index.writer(_HEAP_BYTES, 1)
        # A commit that was cut off has left files behind. Their names come from the number of
        # the operation, so they would be in the way of the same commit made again.
        writer.garbage_collect_files()
        glossing = bool(self._catalog.fingerprint.get("gloss"))
        for chunk_id in self._catalog.removed_chunks(self.seq, upto):
            writer.delete_documents_by_term("chunk_id", chunk_id)
        for chunk in self._catalog.added_chunks(self.seq, upto):
            writer.add_document(_document(chunk, glossing=glossing))
        writer.delete_documents_by_term("kind", "watermark")
        writer.add_document(
            tantivy.Document(kind="watermark", seq=upto, owner=owner_of(self._catalog))
        )
        writer.commit()
        writer.garbage_collect_files()
        writer.wait_merging_threads()
        self._index.reload()
        self.seq = upto
        return upto


def _document(chunk: IndexedChunk, *, glossing: bool) -> tantivy.Document:
    pages = {} if chunk.page is None else {"page": chunk.page, "page_end": chunk.page_end}
    if glossing and is_chinese(chunk.text):
        context = f"{chunk.table_header}\n{chunk.title}\n{chunk.heading}"
        gloss = {"kind": GLOSSED, "gloss": " ".join(gloss_terms(f"{chunk.text}\n{context}"))}
    else:
        gloss = {}
    return tantivy.Document(
        chunk_id=chunk.chunk_id,
        doc_id=chunk.doc_id,
        **pages,
        **gloss,
        body=" ".join(analyze(f"{chunk.text}\n{chunk.table_header}")),
        title=" ".join(analyze(f"{chunk.title} {chunk.heading}")),
    )
