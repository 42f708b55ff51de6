"""Checks one collection against its own promises, without writing anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rag_service.collection_types import VerifyReport
from rag_service.errors import CollectionBusy, RagError
from rag_service.store.catalog import Catalog
from rag_service.store.collection import Collection, CollectionView
from rag_service.store.home import CollectionHome

_ATTEMPTS = 20
_PUBLISHED_WITHIN_S = 5.0


def verify_collection(
    home: CollectionHome,
    published_within_s: float = _PUBLISHED_WITHIN_S,
    generation: Path | None = None,
) -> VerifyReport:
    """Read everything back: texts, spans, vectors and both indexes.

    A collection that cannot be opened is a problem in the report, not an exception. What is
    committed but not searchable yet is one if no writer makes it so within the time given.
    ``generation``: one that is not in use yet.
    """
    try:
        collection = Collection(home, generation)
    except RagError as error:
        return VerifyReport(home.name, (str(error),), 0, 0, 0, 0)
    try:
        return _report(collection, published_within_s)
    except RagError as error:
        return VerifyReport(home.name, (str(error),), 0, 0, 0, 0)
    finally:
        collection.close()


def _report(collection: Collection, published_within_s: float) -> VerifyReport:
    catalog = collection.catalog
    # The indexes may be ahead of a snapshot of the catalog, if only for a moment.
    for _ in range(_ATTEMPTS):
        with catalog.snapshot():
            view = collection.view()
            if view.revision > catalog.revision():
                continue
            counts = catalog.counts()
            return VerifyReport(
                collection=collection.home.name,
                problems=tuple(_problems(collection, view, published_within_s)),
                documents=counts["documents"],
                chunks=counts["chunks"],
                vectors=counts["vectors"],
                revision=catalog.revision(),
            )
    raise CollectionBusy(
        f"Collection {collection.home.name!r} changes too fast to be checked; try again later."
    )


def _problems(
    collection: Collection, view: CollectionView, published_within_s: float
) -> Iterator[str]:
    catalog = collection.catalog
    yield from catalog.integrity_problems()
    for doc_id in catalog.document_ids():
        yield from _span_problems(catalog, doc_id)
    embedded, stored = catalog.texts_embedded(), catalog.counts()["vectors"]
    if stored > embedded:
        yield f"{stored} vectors are stored but only {embedded} were ever embedded"
    pending = catalog.revision() - view.revision
    soon = time.monotonic() + published_within_s
    if pending and not _is_published_by(soon, collection, catalog.revision()):
        yield (
            f"{pending} committed changes are not searchable yet; the next `rag ingest` "
            "publishes them"
        )
    yield from _index_problems(catalog, view)


def _is_published_by(deadline: float, collection: Collection, revision: int) -> bool:
    """Whether a writer at work makes ``revision`` searchable, as it should within seconds."""
    with closing(Collection(collection.home, collection.generation)) as reader:
        while time.monotonic() < deadline:
            if reader.view().revision >= revision:
                return True
            time.sleep(0.2)
    return False


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


def _index_problems(catalog: Catalog, view: CollectionView) -> Iterator[str]:
    """Both indexes hold exactly the chunks of their revision.

    What was removed after that revision may still be in them.
    """
    gone = set(catalog.removed_chunks(view.revision, catalog.revision()))
    if view.lexical:
        wanted = catalog.chunk_ids_upto(view.revision)
        yield from _difference("lexical index", wanted, view.lexical.chunk_ids() - gone)
    ids, _ = catalog.added_vectors(0, view.revision)
    yield from _difference("dense index", set(ids.tolist()), view.dense.ids() - gone)


def _difference(index: str, wanted: set[int], held: set[int]) -> Iterator[str]:
    if missing := wanted - held:
        yield f"{index}: {len(missing)} chunks are missing"
    if extra := held - wanted:
        yield f"{index}: {len(extra)} chunks should not be there"
