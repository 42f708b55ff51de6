"""Whether a source supports a statement, where, and how well.

A statement that stands in the source word for word is supported. Any other is judged by the
share of its content that a few sentences of the source hold and, where a model is at hand,
by the nearness of their embeddings. Whatever the score: numbers and names must be the
source's, no name may stand in another's place, and neither may deny the other. What is in
another language than the source is compared through the dictionary.

Figures and limits: docs/decisions/0016-citations.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rag_service.generation.claims import Claim, Terms, all_content, content
from rag_service.generation.figures import held_figures, stated_figures
from rag_service.generation.names import chinese_names, latin_names, replaced, spelled_out
from rag_service.generation.negation import contradicts, denies
from rag_service.generation.verbatim import FoldedText
from rag_service.text.gloss.definitions import english_senses
from rag_service.text.gloss.glossing import gloss_terms, is_chinese
from rag_service.text.sentences import sentence_spans
from rag_service.types import Chunk

# Vectors (unit length) of texts; None for one that the model cannot represent.
Embed = Callable[[Sequence[str]], Sequence[NDArray[np.float32] | None]]

# From this support on a statement counts as supported.
MIN_SUPPORT: Final = 0.5

# Logistic regressions of "supported" on the share of content held and the cosine, without a
# model on the share alone, and the same across languages; see the decision page.
_SHARE, _COSINE, _OFFSET = 6.0, 6.0, -8.0
_SHARE_ALONE, _OFFSET_ALONE = 9.0, -5.4
_SHARE_ACROSS, _COSINE_ACROSS, _OFFSET_ACROSS = 12.0, 5.0, -7.5
_SHARE_ACROSS_ALONE, _OFFSET_ACROSS_ALONE = 16.0, -6.7
# The cosine has no say where the words alone decide.
_UNDECIDED: Final = (0.25, 0.9)
# What is left of a statement's support when a number, a name or the sense disagrees.
_DISAGREEING: Final = 0.3

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
class Finding:
    """The place in a passage that supports a claim best.

    ``share`` of the claim's content is held there; ``support`` is in 0..1.
    """

    start: int  # in the passage
    end: int
    share: float
    support: float
    agrees: bool
    crossed: bool
    exact: bool = False

    @property
    def supported(self) -> bool:
        return self.support >= MIN_SUPPORT

    @property
    def undecided(self) -> bool:
        """Whether the nearness in meaning would have a say."""
        least, most = _UNDECIDED
        return self.agrees and not self.exact and least <= self.share < most

    def with_cosine(self, cosine: float) -> Finding:
        return replace(self, support=_support(self.share, cosine, self.agrees, self.crossed))


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
        context = self._terms(self._chunk.context, crossed=crossed)
        share = terms.held(quote.terms | context)
        agrees = share >= _UNDECIDED[0] and self._agrees(claim, quote, crossed=crossed)
        support = _support(share, None, agrees, crossed) if quote is not self._whole else 0.0
        return Finding(quote.start, quote.end, share, support, agrees, crossed)

    def text(self, finding: Finding) -> str:
        return self._chunk.text[finding.start : finding.end]

    def _verbatim(self, claim: Claim) -> Finding | None:
        place = self._folded.find(claim.text) if content(claim.text) else None
        if place is None:
            return None
        spans = [s for s in sentence_spans(self._chunk.text) if s[0] < place[1] and s[1] > place[0]]
        return Finding(spans[0][0], spans[-1][1], 1.0, 1.0, True, False, exact=True)

    def _best(self, terms: Terms, numbers: frozenset[str], *, crossed: bool) -> _Quote:
        # Numbers alone must not pull in a further sentence: the wrong 25 in "expire on
        # 25 March" may well stand in the sentence before.
        def worth(quote: _Quote) -> float:
            has_numbers = numbers <= quote.numbers
            return terms.words_held(quote.terms) - MIN_GAIN * (quote.sentences - 1 - has_numbers)

        quotes = self._quotes_across if crossed else self._quotes
        supporting = [quote for quote in quotes if terms.held(quote.terms)]
        return max(supporting, key=worth) if supporting else self._whole

    def _agrees(self, claim: Claim, quote: _Quote, *, crossed: bool) -> bool:
        """Whether numbers, names and sense are the source's."""
        text = self._chunk.text[quote.start : quote.end]
        held = held_figures(text) | held_figures(self._chunk.context)
        if not stated_figures(claim.text) <= held:
            return False
        if crossed:
            return denies(claim.text) == denies(text) and self._names_cross(claim)
        return (
            content(latin_names(claim.text, opens=claim.opens)) <= self._named
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

    def _names_cross(self, claim: Claim) -> bool:
        """Whether the names are there, as written or by the dictionary.

        A name that the dictionary does not have cannot be checked, and so is not held.
        """
        if not content(latin_names(claim.text, opens=claim.opens)) <= self._glossed:
            return False
        return all(
            any(content(sense) <= self._named for sense in english_senses(name))
            for name in chinese_names(claim.text)
        )

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
    def _glossed(self) -> frozenset[str]:
        return self._named | frozenset(gloss_terms(self._known) if self._chinese else ())

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
        return _Quote(start, end, 1, self._terms(text, crossed=crossed), held_figures(text))

    def _terms(self, text: str, *, crossed: bool) -> frozenset[str]:
        """In English, where the claim is in the other language."""
        return frozenset(gloss_terms(text)) if crossed and is_chinese(text) else content(text)

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


def _support(share: float, cosine: float | None, agrees: bool, crossed: bool) -> float:
    if crossed and cosine is None:
        logit = _SHARE_ACROSS_ALONE * share + _OFFSET_ACROSS_ALONE
    elif crossed:
        logit = _SHARE_ACROSS * share + _COSINE_ACROSS * (cosine or 0.0) + _OFFSET_ACROSS
    elif cosine is None:
        logit = _SHARE_ALONE * share + _OFFSET_ALONE
    else:
        logit = _SHARE * share + _COSINE * cosine + _OFFSET
    likely = 1 / (1 + math.exp(-logit)) if share else 0.0
    return round(likely if agrees else likely * _DISAGREEING, 4)
