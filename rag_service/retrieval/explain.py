"""Why each candidate of a search stands where it does, or is not there.

The search hands every stage's outcome to a `Tracer`, which keeps references and works
nothing out before the end. A search that nobody asked to explain has a `NoTrace`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from rag_service.retrieval.fusion import Fused
from rag_service.search_types import CandidateTrace, MatchedTerm, SearchTrace, StagePlace
from rag_service.text.analysis import analyze, analyze_query
from rag_service.text.gloss.glossing import gloss_terms, is_chinese
from rag_service.types import Chunk, Hit, LegScore


class Corpus(Protocol):
    """What a trace looks up; a `CollectionView` is one."""

    def chunks(self, chunk_ids: Sequence[int]) -> dict[int, Chunk]: ...

    def idf(self, term: str) -> float: ...


class NoTrace:
    """Takes note of nothing."""

    def fused(self, fused: Sequence[Fused]) -> None:
        """All candidates of all legs, best first."""

    def glossed(self, found: Sequence[tuple[int, float]], terms: tuple[str, ...]) -> None:
        """What the lexical leg found through the gloss, and the English terms it looked for."""

    def guessed(self, terms: Sequence[str]) -> None:
        """What was searched for in the place of words that stand nowhere."""

    def kept(self, hits: Sequence[Hit], dropped: Mapping[int, str], otherwise: str) -> None:
        """What is left, best first; why it was ``dropped``, by chunk id, or ``otherwise``."""

    def stage(
        self, name: str, hits: Sequence[Hit], dropped: Mapping[int, str] | None = None
    ) -> None:
        """The same after a stage that gave new scores or another order."""

    def finish(self, corpus: Corpus, query: str, top_k: int) -> SearchTrace | None:
        """The trace of a search whose results are the first ``top_k`` of what is left."""
        del corpus, query, top_k
        return None


class Tracer(NoTrace):
    """Keeps what every stage made of the candidates."""

    def __init__(self) -> None:
        self._legs: dict[int, Mapping[str, LegScore]] = {}
        self._glossed: dict[int, LegScore] = {}
        self._gloss_terms: tuple[str, ...] = ()
        self._guessed: Sequence[str] = ()
        self._places: dict[int, list[StagePlace]] = {}
        self._reasons: dict[int, str] = {}
        self._left: list[int] = []  # best first

    def fused(self, fused: Sequence[Fused]) -> None:
        self._legs = {item.chunk_id: item.legs for item in fused}
        self._left = list(self._legs)
        self._place("fused", [(item.chunk_id, item.score) for item in fused])

    def glossed(self, found: Sequence[tuple[int, float]], terms: tuple[str, ...]) -> None:
        ranked = enumerate(found, start=1)
        self._glossed = {chunk_id: LegScore(rank, score) for rank, (chunk_id, score) in ranked}
        self._gloss_terms = terms

    def guessed(self, terms: Sequence[str]) -> None:
        self._guessed = terms

    def kept(self, hits: Sequence[Hit], dropped: Mapping[int, str], otherwise: str) -> None:
        before, self._left = self._left, [hit.chunk.chunk_id for hit in hits]
        for chunk_id in set(before).difference(self._left):
            self._reasons[chunk_id] = dropped.get(chunk_id, otherwise)

    def stage(
        self, name: str, hits: Sequence[Hit], dropped: Mapping[int, str] | None = None
    ) -> None:
        self.kept(hits, dropped or {}, f"dropped by the stage {name!r}")
        self._place(name, [(hit.chunk.chunk_id, hit.score) for hit in hits])

    def _place(self, stage: str, scored: Sequence[tuple[int, float]]) -> None:
        for rank, (chunk_id, score) in enumerate(scored, start=1):
            self._places.setdefault(chunk_id, []).append(StagePlace(stage, rank, score))

    def finish(self, corpus: Corpus, query: str, top_k: int) -> SearchTrace:
        below = f"below the first {top_k}, which were asked for"
        reasons = self._reasons | dict.fromkeys(self._left[top_k:], below)
        results = self._left[:top_k]
        gone = sorted(reasons, key=self._how_far)
        asked = tuple(dict.fromkeys((*analyze_query(query), *self._guessed)))
        terms = {term: corpus.idf(term) for term in (*asked, *self._gloss_terms)}
        chunks = corpus.chunks([*results, *gone])
        traced = {
            chunk_id: self._trace(chunk_id, chunks.get(chunk_id), terms, reasons.get(chunk_id, ""))
            for chunk_id in (*results, *gone)
        }
        return SearchTrace(
            terms=asked,
            gloss_terms=self._gloss_terms,
            results=tuple(traced[chunk_id] for chunk_id in results),
            dropped=tuple(traced[chunk_id] for chunk_id in gone),
        )

    def _trace(
        self, chunk_id: int, chunk: Chunk | None, terms: Mapping[str, float], reason: str
    ) -> CandidateTrace:
        gloss = self._glossed.get(chunk_id)
        return CandidateTrace(
            chunk_id=chunk_id,
            chunk=chunk,
            legs={**self._legs.get(chunk_id, {}), **({"gloss": gloss} if gloss else {})},
            stages=tuple(self._places[chunk_id]),
            terms=matched_terms(chunk, terms, by_gloss=gloss is not None) if chunk else (),
            reason=reason,
        )

    def _how_far(self, chunk_id: int) -> tuple[int, int]:
        """Those first that came furthest, and of them the better ones."""
        places = self._places[chunk_id]
        return -len(places), places[-1].rank


def matched_terms(
    chunk: Chunk, terms: Mapping[str, float], *, by_gloss: bool = False
) -> tuple[MatchedTerm, ...]:
    """Those of ``terms`` (with their IDF) that the chunk is indexed under, rarest first.

    ``by_gloss``: also those that only its gloss has, if it is Chinese.
    """
    text = Counter(analyze(f"{chunk.text}\n{chunk.table_header}"))
    context = Counter(analyze(f"{chunk.title} {chunk.heading}"))
    gloss = Counter[str]()
    if by_gloss and is_chinese(chunk.text):
        gloss.update(gloss_terms(f"{chunk.text}\n{chunk.context}"))
    found = [
        MatchedTerm(term, idf, text[term], context[term], gloss[term])
        for term, idf in terms.items()
        if term in text or term in context or term in gloss
    ]
    return tuple(sorted(found, key=lambda term: -term.idf))
