"""Small documents and vectors for tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag_service.store.catalog_schema import FileStat, NewChunk, NewDocument
from rag_service.store.catalog_writer import CatalogWriter
from rag_service.types import ChunkSpan

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


def document(root_id: int, source: str, texts: Sequence[str]) -> NewDocument:
    """A document of one chunk a text, joined by newlines."""
    spans: list[ChunkSpan] = []
    position = 0
    for ordinal, text in enumerate(texts):
        spans.append(ChunkSpan(ordinal, position, position + len(text), text))
        position += len(text) + 1
    whole = "\n".join(texts)
    return NewDocument(
        root_id=root_id,
        source=source,
        title=source.rsplit(".", 1)[0],
        content_hash=hashlib.sha256(whole.encode()).hexdigest(),
        stat=FileStat(len(whole), 1, 1),
        loader="test",
        engine="test 1",
        encoding="utf-8",
        warnings=(),
        pages=0,
        text=whole,
        chunks=tuple(NewChunk(span, key_of(span.text)) for span in spans),
    )


def put(catalog: CatalogWriter, source: str, texts: Sequence[str]) -> int:
    """Embed what is new and store the document."""
    new = document(catalog.root_id(ROOT), source, texts)
    known = catalog.known_vectors([chunk.vector_key for chunk in new.chunks])
    unseen = {c.vector_key: letters(c.span.text) for c in new.chunks if c.vector_key not in known}
    catalog.add_vectors(unseen)
    return catalog.put_document(new)
