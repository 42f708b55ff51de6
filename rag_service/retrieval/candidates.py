"""The first stage: what each leg proposes for a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.retrieval.clock import Clock
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.retrieval.fusion import Leg
from rag_service.settings import RetrievalSettings
from rag_service.store.collection import CollectionView
from rag_service.text.analysis import analyze_query


@dataclass(frozen=True, slots=True)
class Candidates:
    """Legs with what they found, best first; ``notes`` says why one has no vote."""

    legs: tuple[Leg, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateSearch:
    """Asks the dense and the lexical index of a collection."""

    embeddings: LocalEmbeddings
    settings: RetrievalSettings

    def gather(
        self,
        view: CollectionView,
        query: str,
        *,
        depth: int,
        doc_ids: Sequence[int] | None,
        clock: Clock,
    ) -> Candidates:
        """At most ``depth`` candidates of each leg, from the documents allowed (None: all)."""
        vector = self.embeddings.encode_query(query)
        clock.lap("embed_ms")
        dense = [] if vector is None else view.search_dense(vector, depth, doc_ids)
        clock.lap("dense_ms")
        lexical = view.search_lexical(analyze_query(query), depth, doc_ids)
        clock.lap("lexical_ms")
        legs = (
            Leg("dense", self.settings.dense_weight, dense),
            Leg("lexical", self.settings.lexical_weight, lexical),
        )
        return Candidates(legs, () if vector is not None else (_no_dense_vote(self.embeddings),))


def _no_dense_vote(embeddings: LocalEmbeddings) -> str:
    return (
        f"The embedding model {embeddings.identity.name} cannot represent this question, so only "
        "the lexical index voted. A multilingual model would add meaning (README, Models)."
    )
