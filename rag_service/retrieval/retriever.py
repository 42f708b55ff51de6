"""Hybrid retrieval over one collection: the stages of one search, told in order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag_service.retrieval.candidates import CandidateSearch
from rag_service.retrieval.clock import Clock
from rag_service.retrieval.coverage import QuestionTerms
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.retrieval.fusion import Fused, fuse
from rag_service.retrieval.rerank import rerank
from rag_service.settings import RetrievalSettings
from rag_service.store.collection import CollectionView
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
        clock = Clock()
        first = CandidateSearch(self.embeddings, self.settings).gather(
            view,
            query,
            depth=max(self.settings.candidates, top_k),
            doc_ids=view.filter_ids(filters),
            clock=clock,
        )
        fused = fuse(first.legs, self.settings.rrf_k)
        hits = _joined(view, fused, max(top_k, self.settings.reranked))
        clock.lap("join_ms")
        hits = self._reranked(hits, query, view)
        clock.lap("rerank_ms")
        return SearchResult(
            hits=tuple(hits[:top_k]),
            revision=view.revision,
            legs=tuple(leg.name for leg in first.legs if leg.candidates),
            notes=first.notes,
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
