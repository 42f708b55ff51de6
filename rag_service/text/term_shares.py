"""How much of a question a set of terms covers, by weight: word for word, or by senses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from math import fsum
from typing import NamedTuple, Self

from rag_service.text.analysis import analyze, analyze_query
from rag_service.text.gloss.glossing import Sense, gloss_terms, is_chinese, question_senses
from rag_service.text.numerals import other_spelling

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

    def __init__(self, *spellings: Mapping[str, float]) -> None:
        """The weights of the terms of each spelling of a question; the one covered best counts."""
        self._spellings = [(weights, fsum(weights.values())) for weights in spellings]

    def of(self, held: Set[str]) -> float:
        """Share in 0..1; nothing if there is nothing to cover."""
        # fsum: the order of a set differs from process to process, a ranking must not.
        return max(
            fsum(map(weights.__getitem__, weights.keys() & held)) / total if total else 0.0
            for weights, total in self._spellings
        )


def term_share(question: str, terms: Callable[[str], Iterable[str]], weight: Idf) -> TermShare:
    """Of the ``terms`` of a question with its numbers as they are written and as they might be."""
    spellings = dict.fromkeys((question, other_spelling(question)))
    return TermShare(*({term: weight(term) for term in terms(text)} for text in spellings))


class _Word(NamedTuple):
    """``weight``: what it says; ``terms``: those of all its senses."""

    weight: float
    terms: frozenset[str]
    senses: Sequence[tuple[float, TermShare]]

    @classmethod
    def of(cls, senses: Sequence[Sense], idf: Idf) -> Self:
        weights = {term: idf(term) for sense in senses for term in sense.terms}
        return cls(
            min(sum(weights[t] for t in sense.terms) / len(sense.terms) for sense in senses),
            frozenset(weights),
            [(sense.weight, TermShare({t: weights[t] for t in sense.terms})) for sense in senses],
        )

    def is_missing(self, held: Set[str]) -> bool:
        return self.terms.isdisjoint(held)

    def covered(self, held: Set[str]) -> float:
        return self.weight * max(weight * terms.of(held) for weight, terms in self.senses)


class SenseShare:
    """Words of which each may be meant in several senses: the best one there counts.

    A word says as much as its commonest sense: rare senses are seldom meant, and those that
    stand in no passage must not make a word weigh more.
    """

    def __init__(self, words: Sequence[tuple[Sense, ...]], idf: Idf) -> None:
        self._words = [_Word.of(senses, idf) for senses in words]
        self._total = sum(word.weight for word in self._words)

    def of(self, held: Set[str]) -> float:
        """Share in 0..1; nothing if there is nothing to cover."""
        if not self._total:
            return 0.0
        covered = sum(word.covered(held) for word in self._words if not word.is_missing(held))
        return GLOSS_WORTH * covered / self._total


def share_across(question: str, idf: Idf) -> SenseShare:
    """The question in English words, for passages of the other language.

    ``idf`` is that of English terms where Chinese passages count by their gloss.
    """
    if is_chinese(question):
        return SenseShare(question_senses(question)[:_MOST_WORDS], idf)
    # In the order of the question: that of a set differs from process to process, sums do too.
    terms = dict.fromkeys(analyze_query(question))
    return SenseShare([(Sense((term,), 1.0),) for term in terms], idf)


def english_terms(text: str) -> list[str]:
    """The terms of a text of either language, those of a Chinese one by its gloss."""
    return gloss_terms(text) if is_chinese(text) else analyze(text)
