"""How much of a question a set of terms covers, by weight: word for word, or by senses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from math import fsum

from rag_service.text.analysis import analyze, content_terms
from rag_service.text.gloss.glossing import Sense, gloss_terms, is_chinese, question_senses

Idf = Callable[[str], float]

# What a share that is covered through the dictionary's gloss counts beside one that is covered
# word for word. With 1, passages in the other language push those in the question's own from
# the first place; see docs/decisions/0011-crossing-languages.md.
GLOSS_WORTH = 0.8
# Words of a question that are looked for by their senses; a pasted page is no question, and
# every sentence found is compared with all of them.
_MOST_WORDS = 200


class TermShare:
    """Terms that stand for nothing but themselves."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._total = fsum(weights.values())

    def of(self, held: Set[str]) -> float:
        """Share in 0..1; nothing if there is nothing to cover."""
        if not self._total:
            return 0.0
        # fsum: the order of a set differs from process to process, a ranking must not.
        return fsum(map(self._weights.__getitem__, self._weights.keys() & held)) / self._total


class SenseShare:
    """Words of which each may be meant in several senses: the best one there counts.

    A word says as much as its commonest sense: rare senses are seldom meant, and those that
    stand in no passage must not make a word weigh more.
    """

    def __init__(self, words: Sequence[tuple[Sense, ...]], idf: Idf) -> None:
        self._words = [(_weight(senses, idf), _weighted(senses, idf)) for senses in words]
        self._total = sum(weight for weight, _ in self._words)

    def of(self, held: Set[str]) -> float:
        """Share in 0..1; nothing if there is nothing to cover."""
        if not self._total:
            return 0.0
        covered = sum(weight * _covered(senses, held) for weight, senses in self._words)
        return GLOSS_WORTH * covered / self._total


def share_across(question: str, idf: Idf) -> SenseShare:
    """The question in English words, for passages of the other language.

    ``idf`` is that of English terms where Chinese passages count by their gloss.
    """
    if is_chinese(question):
        return SenseShare(question_senses(question)[:_MOST_WORDS], idf)
    return SenseShare([(Sense((term,), 1.0),) for term in content_terms(question)], idf)


def english_terms(text: str) -> list[str]:
    """The terms of a text of either language, those of a Chinese one by its gloss."""
    return gloss_terms(text) if is_chinese(text) else analyze(text)


def _weight(senses: tuple[Sense, ...], idf: Idf) -> float:
    return min(sum(map(idf, sense.terms)) / len(sense.terms) for sense in senses)


def _weighted(senses: tuple[Sense, ...], idf: Idf) -> list[tuple[float, TermShare]]:
    return [(sense.weight, TermShare({t: idf(t) for t in sense.terms})) for sense in senses]


def _covered(senses: Sequence[tuple[float, TermShare]], held: Set[str]) -> float:
    return max(weight * terms.of(held) for weight, terms in senses)
