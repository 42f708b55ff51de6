"""From a parsed file to chunks with the texts that stand for them in the embedding model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.chunking import CHUNKER_VERSION, Carried, chunk_document, chunk_part, title_of
from rag_service.document_types import ChunkSpan, LoadedText
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.settings import Settings
from rag_service.store.catalog_schema import NewChunk


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parsed and chunked text, waiting for its embeddings."""

    title: str
    chunks: tuple[NewChunk, ...]
    inputs: Mapping[bytes, str]  # what is embedded, by vector key


def embedding_input(title: str, span: ChunkSpan) -> str:
    """What is embedded for a chunk: the text under its title, headings and table header."""
    context = [part for part in (title, span.heading, span.table_header) if part]
    return "\n".join([*context, span.text])


def embedded_title(title: str, source: str) -> str:
    """A stored title as it was embedded: one that is only the file's name was not."""
    return "" if title == Path(source).stem else title


def vector_key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def collection_fingerprint(embeddings: EmbeddingModel, settings: Settings) -> dict[str, object]:
    """Everything two ingests must agree on to share a collection."""
    return {
        **embeddings.fingerprint(),
        "chunker": CHUNKER_VERSION,
        "chunk_tokens": settings.chunking.max_tokens,
    }


class Preparer:
    """Cuts texts to the measure of one embedding model."""

    def __init__(self, embeddings: EmbeddingModel, max_tokens: int) -> None:
        self._embeddings = embeddings
        self._max_tokens = max_tokens

    def prepare(self, loaded: LoadedText, name: str) -> Prepared:
        """A whole document; ``name`` is the title of last resort."""
        # A file's name helps a reader, but as meaning it is mostly noise ("scan_0017").
        title = title_of(loaded, fallback="")
        spans = chunk_document(
            loaded, count_tokens=self._embeddings.count_tokens, max_tokens=self._max_tokens
        )
        return self._with_inputs(title, Path(name).stem, spans)

    def prepare_part(
        self, loaded: LoadedText, carried: Carried | None, name: str
    ) -> tuple[Prepared, Carried]:
        """One part of a very large document, and what the next one needs to know of it."""
        spans, after = chunk_part(
            loaded,
            carried,
            count_tokens=self._embeddings.count_tokens,
            max_tokens=self._max_tokens,
        )
        return self._with_inputs(after.title, Path(name).stem, spans), after

    def _with_inputs(self, title: str, fallback: str, spans: Sequence[ChunkSpan]) -> Prepared:
        texts = self.inputs(title, spans)
        keys = [vector_key(text) for text in texts]
        return Prepared(
            title=title or fallback,
            chunks=tuple(NewChunk(s, k) for s, k in zip(spans, keys, strict=True)),
            inputs=dict(zip(keys, texts, strict=True)),
        )

    def inputs(self, title: str, spans: Sequence[ChunkSpan]) -> list[str]:
        """What is embedded for each chunk of a document with this title, "" for none."""
        # Where the context would push the end of the text out of the model's sight, the text
        # goes alone.
        texts = [embedding_input(title, span) for span in spans]
        sizes = self._embeddings.count_tokens(texts) if texts else []
        limit = self._embeddings.max_tokens
        return [
            text if size <= limit else span.text
            for text, size, span in zip(texts, sizes, spans, strict=True)
        ]
