"""Small documents and vectors for tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_service.document_types import ChunkSpan
from rag_service.store.catalog_schema import FileStat, NewChunk, NewDocument
from rag_service.store.catalog_writer import CatalogWriter

FINGERPRINT = {"embedding_model": "letters", "dimension": 26}
ROOT = "/documents"


def letters(text: str) -> NDArray[np.float32] | None:
    """An embedding with meaning: how often each Latin letter occurs, as a unit vector.

    None for a text without letters: this model cannot represent it.
    """
    counts = np.array([text.lower().count(chr(97 + n)) for n in range(26)], dtype=np.float32)
    norm = float(np.linalg.norm(counts))
    return counts / np.float32(norm) if norm else None


def key_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def document(
    root_id: int,
    source: str,
    texts: Sequence[str],
    *,
    pages: Sequence[tuple[int, int]] = (),
    date: str = "",
    tags: Sequence[str] = (),
    changed: str = "1970-01-01",
) -> NewDocument:
    """A document of one chunk a text, joined by newlines.

    ``pages``: each chunk's first and last. ``changed``: the day of the file's last change.
    """
    spans: list[ChunkSpan] = []
    position = 0
    for ordinal, text in enumerate(texts):
        first, last = pages[ordinal] if pages else (None, None)
        end = position + len(text)
        spans.append(ChunkSpan(ordinal, position, end, text, page=first, page_end=last))
        position += len(text) + 1
    whole = "\n".join(texts)
    return NewDocument(
        root_id=root_id,
        source=source,
        title=source.rsplit(".", 1)[0],
        content_hash=hashlib.sha256(whole.encode()).hexdigest(),
        stat=FileStat(len(whole), _midnight_ns(changed), 1),
        loader="test",
        engine="test 1",
        encoding="utf-8",
        warnings=(),
        pages=max((last for _, last in pages), default=0),
        text=whole,
        chunks=tuple(NewChunk(span, key_of(span.text)) for span in spans),
        date=date,
        tags=tuple(tags),
    )


def _midnight_ns(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9


def put(catalog: CatalogWriter, source: str, texts: Sequence[str], **about: Any) -> int:
    """Embed what is new and store the document; ``about`` as in `document`."""
    return put_all(catalog, [document(catalog.root_id(ROOT), source, texts, **about)])[0]


def put_all(catalog: CatalogWriter, documents: Sequence[NewDocument]) -> list[int]:
    """Embed what is new and store the documents in one transaction."""
    chunks = [chunk for new in documents for chunk in new.chunks]
    known = catalog.known_vectors([chunk.vector_key for chunk in chunks])
    unseen = {c.vector_key: letters(c.span.text) for c in chunks if c.vector_key not in known}
    catalog.add_vectors(unseen)
    return catalog.put_documents(documents)
