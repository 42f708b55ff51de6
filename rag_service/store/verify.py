"""Checks one collection against its own promises, without writing anything."""

from __future__ import annotations

from collections.abc import Iterator

from rag_service.errors import RagError
from rag_service.store.catalog import Catalog
from rag_service.store.collection import Collection, CollectionHome
from rag_service.store.dense import advance
from rag_service.types import VerifyReport


def verify_collection(home: CollectionHome) -> VerifyReport:
    """Read everything back: texts, spans, vectors and both indexes.

    A collection that cannot be opened is a problem in the report, not an exception.
    """
    try:
        collection = Collection(home)
    except RagError as error:
        return VerifyReport(home.name, (str(error),), 0, 0, 0, 0)
    try:
        counts = collection.catalog.counts()
        return VerifyReport(
            collection=home.name,
            problems=tuple(_problems(collection)),
            documents=counts["documents"],
            chunks=counts["chunks"],
            vectors=counts["vectors"],
            revision=collection.catalog.revision(),
        )
    except RagError as error:
        return VerifyReport(home.name, (str(error),), 0, 0, 0, 0)
    finally:
        collection.close()


def _problems(collection: Collection) -> Iterator[str]:
    catalog = collection.catalog
    yield from catalog.integrity_problems()
    for doc_id in catalog.document_ids():
        yield from _span_problems(catalog, doc_id)
    embedded, stored = catalog.texts_embedded(), catalog.counts()["vectors"]
    if stored > embedded:
        yield f"{stored} vectors are stored but only {embedded} were ever embedded"
    yield from _index_problems(collection)


def _span_problems(catalog: Catalog, doc_id: int) -> Iterator[str]:
    """Every chunk must be exactly what its span holds in the document's text."""
    text = catalog.document_text(doc_id)
    info = catalog.document(doc_id)
    if len(text) != info.chars:
        yield f"{info.source}: {len(text)} of {info.chars} characters are stored"
    end = 0
    for chunk in catalog.chunks_of(doc_id):
        if text[chunk.char_start : chunk.char_end] != chunk.text:
            yield f"{info.source}: chunk {chunk.chunk_id} is not what its span holds"
        if text[end : chunk.char_start].strip():
            yield f"{info.source}: text before chunk {chunk.chunk_id} is in no chunk"
        end = max(end, chunk.char_end)
    if text[end:].strip():
        yield f"{info.source}: text after the last chunk is in no chunk"


def _index_problems(collection: Collection) -> Iterator[str]:
    catalog = collection.catalog
    view = collection.view()
    revision = catalog.revision()
    if view.revision < revision:
        yield (
            f"{revision - view.revision} committed changes are not searchable yet; "
            "the next `rag ingest` publishes them"
        )
    wanted = set(catalog.chunk_ids_of(catalog.document_ids()))
    if view.revision == revision and view.lexical:
        yield from _difference("lexical index", wanted, view.lexical.chunk_ids())
    ids, _ = catalog.added_vectors(0, revision)
    dense = advance(view.dense, catalog, revision)
    yield from _difference("dense index", set(ids.tolist()), dense.ids())


def _difference(index: str, wanted: set[int], held: set[int]) -> Iterator[str]:
    if missing := wanted - held:
        yield f"{index}: {len(missing)} chunks are missing"
    if extra := held - wanted:
        yield f"{index}: {len(extra)} chunks should not be there"
