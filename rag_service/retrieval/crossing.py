"""A question and the passages that are not in its language.

Between Chinese and English a dictionary's gloss stands in for a translation. A gloss is
rough, so what it finds counts a little less than what is found word for word. Figures:
docs/decisions/0011-crossing-languages.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag_service.store.collection import CollectionView
from rag_service.text.analysis import analyze_query
from rag_service.text.gloss.glossing import Sense, is_chinese, question_senses
from rag_service.text.language import cjk_share
from rag_service.types import Hit

Ranked = list[tuple[int, float]]

# What a share of the question's terms found through the gloss is worth beside the same share
# found word for word. Chinese words are tried in all their senses, so theirs comes easier.
_WORTH_TO_CHINESE = 0.85
_WORTH_FROM_CHINESE = 0.65


@dataclass(frozen=True, slots=True)
class Crossing:
    """A question in English words, for passages of the language it was not asked in."""

    to_chinese: bool
    words: tuple[tuple[Sense, ...], ...]

    def terms(self) -> tuple[str, ...]:
        """Every English term of every sense, once."""
        found = (term for senses in self.words for sense in senses for term in sense.terms)
        return tuple(dict.fromkeys(found))


def crossing(query: str, view: CollectionView) -> Crossing | None:
    """How ``query`` crosses; None where nothing was glossed or there is nothing on that side."""
    if not view.has_gloss:
        return None
    asked_in_chinese = is_chinese(query)
    if not (view.not_glossed if asked_in_chinese else view.glossed):
        return None
    if asked_in_chinese:
        words = question_senses(query)
    else:
        words = tuple((Sense((term,), 1.0),) for term in analyze_query(query))
    return Crossing(not asked_in_chinese, words)


def merged(
    own: Ranked,
    across: Ranked,
    *,
    weights: Mapping[str, float],
    crossing: Crossing,
    view: CollectionView,
) -> Ranked:
    """One ranking of the passages of both languages, in the scale of ``own``.

    BM25 scores of the two cannot be compared, since the questions are of different words;
    shares of what each question could reach can.
    """
    reachable = sum(weight * view.idf(term) for term, weight in weights.items())
    reachable_across = sum(_weight(senses, view.idf_in_english) for senses in crossing.words)
    if not across or not reachable_across:
        return own
    worth = _WORTH_TO_CHINESE if crossing.to_chinese else _WORTH_FROM_CHINESE
    scale = worth * reachable / reachable_across
    best = dict(own)
    for chunk_id, score in across:
        best[chunk_id] = max(best.get(chunk_id, 0.0), score * scale)
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))


def _weight(senses: Sequence[Sense], idf: Callable[[str], float]) -> float:
    return max(idf(term) for sense in senses for term in sense.terms)


def marked(query: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits, those that are not in the question's language marked as such."""
    asked_in_chinese = is_chinese(query)
    return [replace(hit, crossed=_is_other(hit.chunk.text, asked_in_chinese)) for hit in hits]


def crossed_note(hits: Sequence[Hit]) -> tuple[str, ...]:
    """Tells of passages that are not in the question's language, where one of them comes first."""
    if not hits or not hits[0].crossed:
        return ()  # what answers best needs no dictionary
    across = sum(hit.crossed for hit in hits)
    return (
        f"{across} of the {len(hits)} passages are not in the language of the question. They were "
        "found word by word through a Chinese-English dictionary.",
    )


def _is_other(text: str, asked_in_chinese: bool) -> bool:
    # A table of numbers with a Chinese word or two is no English passage.
    return cjk_share(text) == 0 if asked_in_chinese else is_chinese(text)
