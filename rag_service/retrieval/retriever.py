"""Hybrid retrieval over one collection, and its LangChain face."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.retrieval.fusion import Fused, Leg, fuse
from rag_service.retrieval.rerank import QuestionTerms, rerank
from rag_service.settings import RetrievalSettings
from rag_service.store.collection import CollectionView
from rag_service.text.analysis import analyze_query
from rag_service.types import Filters, Hit, SearchResult


@dataclass(frozen=True, slots=True)
class HybridSearch:
    """Dense and lexical candidates, fused by rank, reordered by coverage, joined to the catalog."""

    embeddings: LocalEmbeddings
    settings: RetrievalSettings

    def search(
        self, view: CollectionView, query: str, *, top_k: int, filters: Filters | None = None
    ) -> SearchResult:
        """The ``top_k`` best chunks for a question at the view's revision."""
        doc_ids = view.filter_ids(filters)
        depth = max(self.settings.candidates, top_k)
        clock = _Clock()
        vector = self.embeddings.encode_query(query)
        clock.lap("embed_ms")
        dense = [] if vector is None else view.search_dense(vector, depth, doc_ids)
        clock.lap("dense_ms")
        lexical = view.search_lexical(analyze_query(query), depth, doc_ids)
        clock.lap("lexical_ms")
        legs = [
            Leg("dense", self.settings.dense_weight, dense),
            Leg("lexical", self.settings.lexical_weight, lexical),
        ]
        hits = _joined(view, fuse(legs, self.settings.rrf_k), max(top_k, self.settings.reranked))
        clock.lap("join_ms")
        hits = self._reranked(hits, query, view)
        clock.lap("rerank_ms")
        return SearchResult(
            hits=tuple(hits[:top_k]),
            revision=view.revision,
            legs=tuple(leg.name for leg in legs if leg.candidates),
            notes=() if vector is not None else (_no_dense_vote(self.embeddings),),
            timings=clock.laps,
        )

    def _reranked(self, hits: list[Hit], query: str, view: CollectionView) -> list[Hit]:
        depth, weight = self.settings.reranked, self.settings.coverage_weight
        best = rerank(hits[:depth], QuestionTerms(query, view.idf), weight=weight)
        # What was not reordered stays below what was; its scores are scaled alike.
        rest = [replace(hit, score=hit.score / (1 + weight)) for hit in hits[depth:]]
        return best + rest


def _joined(view: CollectionView, fused: list[Fused], limit: int) -> list[Hit]:
    """The best ``limit`` candidates that still exist, with their texts."""
    hits: list[Hit] = []
    # Chunks that were removed since the index saw them are missing from the catalog, which
    # is rare: a second round of reading is cheaper than reading every candidate.
    for start in range(0, len(fused), limit):
        part = fused[start : start + limit]
        chunks = view.chunks([item.chunk_id for item in part])
        hits += [
            Hit(chunks[i.chunk_id], i.score, i.legs.get("dense"), i.legs.get("lexical"))
            for i in part
            if i.chunk_id in chunks
        ]
        if len(hits) >= limit:
            break
    return hits[:limit]


def _no_dense_vote(embeddings: LocalEmbeddings) -> str:
    return (
        f"The embedding model {embeddings.identity.name} cannot represent this question, so only "
        "the lexical index voted. A multilingual model would add meaning (README, Models)."
    )


class _Clock:
    """Laps in milliseconds."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1e3, 3)
        self._last = now


class CollectionRetriever(BaseRetriever):
    """A collection as a LangChain retriever.

    Documents carry the chunk's text; their metadata the source, title, heading, table header, page,
    ``char_start`` and ``char_end`` in the extracted text, ids and the fused score.
    """

    search: Callable[[str, int, Filters | None], SearchResult]
    top_k: int = 8
    filters: Filters | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        del run_manager  # LangChain reports the run; there is nothing to add to it
        return [_to_document(hit) for hit in self.search(query, self.top_k, self.filters).hits]


def _to_document(hit: Hit) -> Document:
    chunk = hit.chunk
    return Document(
        id=str(chunk.chunk_id),
        page_content=chunk.text,
        metadata={
            "source": chunk.source,
            "title": chunk.title,
            "heading": chunk.heading,
            "table_header": chunk.table_header,
            "page": chunk.page,
            "char_start": chunk.char_start,
            "char_end": chunk.char_end,
            "doc_id": chunk.doc_id,
            "chunk_id": chunk.chunk_id,
            "score": hit.score,
        },
    )
