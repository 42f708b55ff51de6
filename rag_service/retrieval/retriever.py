"""Hybrid retrieval over one collection: the stages of one search, told in order."""

from __future__ import annotations

from dataclasses import dataclass

from rag_service.filters import Filters
from rag_service.retrieval.candidates import CandidateSearch
from rag_service.retrieval.clock import Clock
from rag_service.retrieval.coverage import QuestionTerms
from rag_service.retrieval.cross_encoder import CrossEncoderReranker
from rag_service.retrieval.crossing import crossed_note, marked
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.explain import NoTrace, Tracer
from rag_service.retrieval.fusion import Fused, fuse
from rag_service.retrieval.rerank import Weights, rerank
from rag_service.search_types import SearchResult
from rag_service.settings import RetrievalSettings
from rag_service.store.collection import CollectionView
from rag_service.types import Hit

NOTHING_ALLOWED = (
    "The filters let no passage of this collection through, so there was nothing to search."
)
# Best scores of each leg that a result tells: the evidence compares the first with the tenth.
_TOLD_SCORES = 10


@dataclass(frozen=True, slots=True)
class HybridSearch:
    """Dense and lexical candidates, fused, joined to the catalog, reordered by their texts."""

    embeddings: EmbeddingModel
    settings: RetrievalSettings
    reranker: CrossEncoderReranker | None = None

    def search(
        self,
        view: CollectionView,
        query: str,
        *,
        top_k: int,
        filters: Filters | None = None,
        explain: bool = False,
    ) -> SearchResult:
        """The ``top_k`` best chunks for a question at the view's revision.

        ``explain``: with a trace of what became of every candidate.
        """
        clock = Clock()
        trace = Tracer() if explain else NoTrace()
        allowed = view.allowed(filters)
        if allowed is not None:
            clock.lap("filter_ms")
            if not len(allowed):
                return _nothing_allowed(view, query, trace, clock)
        depth = max(self.settings.candidates, top_k)
        first = CandidateSearch(self.embeddings, self.settings).gather(
            view, query, depth=depth, allowed=allowed, clock=clock
        )
        fused = fuse(first.legs, depth)
        trace.fused(fused)
        trace.glossed(first.glossed, first.gloss_terms)
        trace.guessed(first.guessed)
        hits = _joined(view, fused, max(top_k, self._depth()), trace)
        clock.lap("join_ms")
        hits = self._reranked(hits, first.read_as, view)
        trace.stage("coverage", hits)
        clock.lap("rerank_ms")
        hits, notes = self._reread(hits, query, trace, clock)
        hits = hits[:top_k]
        if view.has_gloss:
            hits = marked(query, hits)
            notes += crossed_note(hits)
        return SearchResult(
            hits=tuple(hits),
            revision=view.revision,
            legs=tuple(leg.name for leg in first.legs if leg.candidates),
            notes=first.notes + notes,
            leg_scores={leg.name: leg.best(_TOLD_SCORES) for leg in first.legs},
            glossed=view.has_gloss,
            read_as=first.read_as,
            timings=clock.laps,
            trace=trace.finish(view, query, top_k),
        )

    def _reranked(self, hits: list[Hit], query: str, view: CollectionView) -> list[Hit]:
        # Whatever a cross-encoder may put first needs its coverage: the evidence of the
        # answer is judged by that.
        depth = len(hits) if self.reranker else self.settings.reranked
        english = view.idf_in_english if view.has_gloss else None
        terms = QuestionTerms(query, view.idf, english)
        weights = Weights(self.settings.coverage_weight, self.settings.answer_kind_weight)
        return rerank(hits, query, terms, weights, depth=depth)

    def _reread(
        self, hits: list[Hit], query: str, trace: NoTrace, clock: Clock
    ) -> tuple[list[Hit], tuple[str, ...]]:
        """The hits as a cross-encoder orders them, if there is one, and what it has to say."""
        if self.reranker is None or not hits:
            return hits, ()
        reread = self.reranker.rerank(query, hits)
        trace.stage("cross-encoder", reread.hits)
        clock.lap("cross_encoder_ms")
        return reread.hits, (reread.note,)

    def _depth(self) -> int:
        """How many candidates are read from the catalog, at least."""
        return max(self.settings.reranked, self.settings.candidates if self.reranker else 0)


def _nothing_allowed(
    view: CollectionView, query: str, trace: NoTrace, clock: Clock
) -> SearchResult:
    return SearchResult(
        hits=(),
        revision=view.revision,
        legs=(),
        notes=(NOTHING_ALLOWED,),
        timings=clock.laps,
        trace=trace.finish(view, query, 0),
    )


def _joined(view: CollectionView, fused: list[Fused], limit: int, trace: NoTrace) -> list[Hit]:
    """The best ``limit`` candidates that still exist, with their texts."""
    hits: list[Hit] = []
    gone: dict[int, str] = {}
    # Chunks that were removed since the index saw them are missing from the catalog, which
    # is rare: a second round of reading is cheaper than reading every candidate.
    for start in range(0, len(fused), limit):
        part = fused[start : start + limit]
        chunks = view.chunks([item.chunk_id for item in part])
        hits += [
            Hit(chunks[item.chunk_id], item.score, legs.get("dense"), legs.get("lexical"))
            for item in part
            if item.chunk_id in chunks
            for legs in (item.legs,)
        ]
        gone |= {i.chunk_id: "gone from the catalog" for i in part if i.chunk_id not in chunks}
        if len(hits) >= limit:
            break
    trace.kept(hits[:limit], gone, f"below the first {limit} after fusion")
    return hits[:limit]
