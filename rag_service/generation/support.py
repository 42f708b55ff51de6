"""Whether a source supports a statement, where, and how well.

A statement that stands in the source word for word is supported. Any other is judged by the
share of its content that a few sentences of the source hold and, where a model is at hand,
by the nearness of their embeddings. Whatever the score: numbers and names must be the
source's, no name may stand in another's place, and neither may deny the other. What is in
another language than the source is compared through the dictionary.

Figures and limits: docs/decisions/0016-citations.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rag_service.generation.agreement import Agreement
from rag_service.generation.claims import Claim, Terms, all_content, content, terms_across
from rag_service.generation.crossing import names_held
from rag_service.generation.figures import held_figures, stated_figures
from rag_service.generation.finding import (
    MIN_ACROSS,
    UNDECIDED,
    Finding,
    alike,
    support_across,
    support_within,
)
from rag_service.generation.names import chinese_names, latin_names, replaced, spelled_out
from rag_service.generation.negation import contradicts, same_sense
from rag_service.generation.verbatim import FoldedText
from rag_service.text.gloss.glossing import is_chinese
from rag_service.text.sentences import sentence_spans
from rag_service.types import Chunk

# Vectors (unit length) of texts; None for one that the model cannot represent.
Embed = Callable[[Sequence[str]], Sequence[NDArray[np.float32] | None]]

# A quote is at most this many sentences in a row, and each further one must add this share
# of the statement's words, or some and the numbers still missing: a short quote is easy to
# check.
MAX_QUOTED_SENTENCES: Final = 3
MIN_GAIN: Final = 0.15

# A sentence that holds so much of a claim is what it was made of; with still more of it, the
# claim is that sentence but for a word or two.
_LIKE_IT: Final = 0.55
_ALMOST_IT: Final = 0.75


@dataclass(frozen=True, slots=True)
class _Quote:
    """Some sentences in a row: where they stand in the passage, and what they hold."""

    start: int
    end: int
    sentences: int
    terms: frozenset[str]
    numbers: frozenset[str]


class Passage:
    """What one source says, analysed once however many claims are checked against it."""

    def __init__(self, chunk: Chunk, beside: str = "") -> None:
        """``beside``: what else of the document is at hand, where names may be introduced."""
        self._chunk = chunk
        self._beside = beside
        self._found: dict[Claim, Finding] = {}

    def find(self, claim: Claim) -> Finding:
        """The whole passage if nothing in it supports the claim."""
        if claim not in self._found:
            self._found[claim] = self._find(claim)
        return self._found[claim]

    def _find(self, claim: Claim) -> Finding:
        if exact := self._verbatim(claim):
            return exact
        crossed = is_chinese(claim.text) != self._chinese
        terms = Terms.of(claim.text, crossed=crossed)
        quote = self._best(terms, stated_figures(claim.text), crossed=crossed)
        context = _terms(self._chunk.context, crossed=crossed)
        share = terms.held(quote.terms | context)
        if crossed:
            return self._across(claim, quote, share, self._rival(terms, quote, context))
        agrees = share >= UNDECIDED[0] and self._agrees(claim, quote)
        support = support_within(share, None, agrees) if quote is not self._whole else 0.0
        agreement = Agreement.YES if agrees else Agreement.NO
        return Finding(quote.start, quote.end, share, support, agreement, crossed)

    def _across(self, claim: Claim, quote: _Quote, share: float, rival: float) -> Finding:
        agreement = self._agreement(claim, quote) if share >= MIN_ACROSS else Agreement.NO
        support = support_across(share, rival, agreement)
        place = quote.start, quote.end
        return Finding(*place, share, support, agreement, True, rival=rival, terms=quote.terms)

    def _rival(self, terms: Terms, quote: _Quote, context: frozenset[str]) -> float:
        """The best share of any sentence outside of the quote that says something else."""
        others = (
            other
            for other in self._quotes_across
            if other.sentences == 1 and not quote.start <= other.start < quote.end
        )
        shares = [terms.held(o.terms | context) for o in others if not alike(o.terms, quote.terms)]
        return max(shares, default=0.0)

    def text(self, finding: Finding) -> str:
        return self._chunk.text[finding.start : finding.end]

    def _verbatim(self, claim: Claim) -> Finding | None:
        place = self._folded.find(claim.text) if content(claim.text) else None
        if place is None:
            return None
        spans = [s for s in sentence_spans(self._chunk.text) if s[0] < place[1] and s[1] > place[0]]
        return Finding(
            spans[0][0], spans[-1][1], 1.0, 1.0, Agreement.YES, crossed=False, exact=True
        )

    def _best(self, terms: Terms, numbers: frozenset[str], *, crossed: bool) -> _Quote:
        # Numbers alone must not pull in a further sentence: the wrong 25 in "expire on
        # 25 March" may well stand in the sentence before.
        def worth(quote: _Quote) -> float:
            has_numbers = numbers <= quote.numbers
            return terms.words_held(quote.terms) - MIN_GAIN * (quote.sentences - 1 - has_numbers)

        quotes = self._quotes_across if crossed else self._quotes
        supporting = [quote for quote in quotes if terms.held(quote.terms)]
        return max(supporting, key=worth) if supporting else self._whole

    def _agreement(self, claim: Claim, quote: _Quote) -> Agreement:
        """Whether numbers, names and sense are those of a source in another language."""
        text = self._chunk.text[quote.start : quote.end]
        if not self._has_figures(claim, text):
            return Agreement.NO
        return min(same_sense(claim.text, text), self._names_across(claim, text))

    def _names_across(self, claim: Claim, text: str) -> Agreement:
        there = names_held(claim.text, f"{text}\n{self._chunk.context}", opens=claim.opens)
        if there is Agreement.YES:
            return there
        if there is Agreement.NO and names_held(text, claim.text, opens=True) is Agreement.NO:
            return there  # each has a name that the other has not: one for the other
        return min(Agreement.OPEN, names_held(claim.text, self._known, opens=claim.opens))

    def _has_figures(self, claim: Claim, text: str) -> bool:
        return stated_figures(claim.text) <= held_figures(text) | held_figures(self._chunk.context)

    def _agrees(self, claim: Claim, quote: _Quote) -> bool:
        """Whether numbers, names and sense are the source's."""
        text = self._chunk.text[quote.start : quote.end]
        return (
            self._has_figures(claim, text)
            and content(latin_names(claim.text, opens=claim.opens)) <= self._named
            and all(name in self._written for name in chinese_names(claim.text))
            and not contradicts(claim.text, text)
            and not self._renamed(claim, quote)
        )

    def _renamed(self, claim: Claim, quote: _Quote) -> bool:
        """Whether the claim is a sentence of the source with another name in it."""
        nearest, share = self._nearest(claim, quote)
        changes = replaced(claim.text, nearest) if share >= _LIKE_IT else []
        return any(c.altered or (c.dropped and share >= _ALMOST_IT) for c in changes)

    def _nearest(self, claim: Claim, quote: _Quote) -> tuple[str, float]:
        """The one sentence of the quote that holds most of the claim, or all of the quote.

        And how much of the claim it holds.
        """
        terms = Terms.of(claim.text, crossed=False)
        single = [
            q for q in self._quotes if q.sentences == 1 and quote.start <= q.start < quote.end
        ]
        best = max(single, key=lambda q: terms.held(q.terms), default=quote)
        chosen = best if terms.held(best.terms) >= _LIKE_IT else quote
        return self._chunk.text[chosen.start : chosen.end], terms.held(chosen.terms)

    @cached_property
    def _chinese(self) -> bool:
        return is_chinese(self._chunk.text)

    @cached_property
    def _folded(self) -> FoldedText:
        return FoldedText(self._chunk.text)

    @cached_property
    def _known(self) -> str:
        return f"{self._chunk.text}\n{self._chunk.context}\n{self._beside}"

    @cached_property
    def _named(self) -> frozenset[str]:
        return all_content(self._known)

    @cached_property
    def _written(self) -> str:
        return spelled_out(self._known)

    @cached_property
    def _quotes(self) -> list[_Quote]:
        return self._runs(crossed=False)

    @cached_property
    def _quotes_across(self) -> list[_Quote]:
        return self._runs(crossed=True)

    def _runs(self, *, crossed: bool) -> list[_Quote]:
        """Every possible quote, short before long, then in reading order."""
        spans = sentence_spans(self._chunk.text)
        single = [self._quote(start, end, crossed=crossed) for start, end in spans]
        return [
            _joined(single[i : i + length])
            for length in range(1, MAX_QUOTED_SENTENCES + 1)
            for i in range(len(single) - length + 1)
        ]

    def _quote(self, start: int, end: int, *, crossed: bool) -> _Quote:
        text = self._chunk.text[start:end]
        return _Quote(start, end, 1, _terms(text, crossed=crossed), held_figures(text))

    @cached_property
    def _whole(self) -> _Quote:
        return self._quote(0, len(self._chunk.text), crossed=False)


def _joined(quotes: Sequence[_Quote]) -> _Quote:
    nothing: frozenset[str] = frozenset()
    return _Quote(
        quotes[0].start,
        quotes[-1].end,
        len(quotes),
        nothing.union(*(quote.terms for quote in quotes)),
        nothing.union(*(quote.numbers for quote in quotes)),
    )


def _terms(text: str, *, crossed: bool) -> frozenset[str]:
    return terms_across(text) if crossed else content(text)
