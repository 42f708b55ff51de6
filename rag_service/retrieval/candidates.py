"""The first stage: what each leg proposes for a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag_service.retrieval.clock import Clock
from rag_service.retrieval.corrections import (
    corrected,
    correction_notes,
    corrections,
    reworded,
)
from rag_service.retrieval.crossing import Crossing, Ranked, crossing, merged
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.fusion import Leg
from rag_service.settings import RetrievalSettings
from rag_service.store.collection import CollectionView
from rag_service.store.filtering import Allowed
from rag_service.text.gloss.glossing import is_chinese
from rag_service.text.question_weights import question_weights

# What the embedding leg counts where the glosses of a Chinese question and of a Chinese passage
# are compared: three quarters of the lexical leg with the default weights. Figures:
# docs/decisions/0012-retrieval-quality.md.
_GLOSS_AGAINST_GLOSS = 0.4


@dataclass(frozen=True, slots=True)
class Candidates:
    """Legs with what they found, best first.

    ``notes`` says why a leg has no vote, and which words were taken for others. The rest is
    for explanations: what the lexical leg owes to the gloss, the English terms that were
    searched for there, and those searched for in the place of words that stand nowhere.
    """

    legs: tuple[Leg, ...]
    notes: tuple[str, ...] = ()
    glossed: Ranked = field(default_factory=list)
    gloss_terms: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    read_as: str = ""  # the question with what its misspelled words are taken for


@dataclass(frozen=True, slots=True)
class CandidateSearch:
    """Asks the dense and the lexical index of a collection.

    Each leg is one ranking of the passages of both languages.
    """

    embeddings: EmbeddingModel
    settings: RetrievalSettings

    def gather(
        self,
        view: CollectionView,
        query: str,
        *,
        depth: int,
        allowed: Allowed | None,
        clock: Clock,
    ) -> Candidates:
        """At most ``depth`` candidates of each leg, of those that are allowed (None: all)."""
        across = crossing(query, view)
        asked = question_weights(query)
        share = _dense_share(query, view)
        clock.lap("analyse_ms")
        vector = self.embeddings.encode_query(query) if share else None
        clock.lap("embed_ms")
        dense = [] if vector is None else view.search_dense(vector, depth, allowed)
        clock.lap("dense_ms")
        found = _across(view, across, depth, allowed)
        slips = corrections(asked, view)
        lexical = _lexical(view, corrected(asked, slips), across, found, depth, allowed)
        clock.lap("lexical_ms")
        legs = (
            Leg("dense", self.settings.dense_weight * share, dense),
            Leg("lexical", self.settings.lexical_weight, lexical),
        )
        notes = correction_notes(query, slips)
        if vector is None:
            notes += (_no_dense_vote(self.embeddings),)
        return Candidates(
            legs,
            notes,
            glossed=found,
            gloss_terms=across.terms() if across else (),
            guessed=tuple(slip.meant for slip in slips),
            read_as=reworded(query, slips),
        )


def _across(
    view: CollectionView, across: Crossing | None, depth: int, allowed: Allowed | None
) -> Ranked:
    """What the other language has."""
    if across is None:
        return []
    return view.search_across(across.words, depth, allowed, chinese=across.to_chinese)


def _dense_share(query: str, view: CollectionView) -> float:
    """How well the embedding leg can judge the passages of the collection, 0..1.

    Of Chinese passages their own words are better judges of a Chinese question than its gloss
    and theirs, but they do not know another wording when they see it.
    """
    if not view.has_gloss or not is_chinese(query):
        return 1.0
    judged = view.not_glossed + _GLOSS_AGAINST_GLOSS * view.glossed
    return judged / max(1, view.glossed + view.not_glossed)


def _lexical(
    view: CollectionView,
    weights: Mapping[str, float],
    across: Crossing | None,
    found: Ranked,
    depth: int,
    allowed: Allowed | None,
) -> Ranked:
    own = view.search_lexical(weights, depth, allowed)
    if across is None:
        return own
    return merged(own, found, weights=weights, crossing=across, view=view)[:depth]


def _no_dense_vote(embeddings: EmbeddingModel) -> str:
    return (
        f"The embedding model {embeddings.identity.name} cannot represent this question, so only "
        "the lexical index voted. A multilingual model would add meaning (README, Models)."
    )
