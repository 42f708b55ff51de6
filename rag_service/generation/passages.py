"""Passages cut into sentences, and how those are compared with a question.

Figures: docs/decisions/0018-extractive-answers.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag_service.generation.answer_signs import asks_yes_or_no, beside_question_word
from rag_service.generation.headlines import after_title
from rag_service.generation.table_rows import row_spans, said_in_full
from rag_service.text.analysis import analyze, analyze_query
from rag_service.text.sentences import sentence_spans
from rag_service.text.term_shares import (
    Idf,
    SenseShare,
    TermShare,
    english_terms,
    share_across,
    term_share,
)
from rag_service.types import Chunk, Hit

# What says that something is coming: a question, a list's lead-in, a heading.
_ANNOUNCEMENT_ENDS = re.compile(r"[?？:：][\"'”’」』）)]*$")
# Of Markdown, or a short numbered line that no sentence ends: 7 Error codes, 第三条 住宿.
_HEADING = re.compile(
    r"\A#{1,6}\s|\A(?:第[〇一二三四五六七八九十百\d]{1,5}[章节節条條款]|[一二三四五六七八九十]{1,3}、"
    r"|\d{1,2}(?:\.\d{1,2}){0,3}\.?\s)\s?[^。！？.!?；;，,:：]{1,30}\Z"
)
_NUMBER_OF_AN_ITEM = re.compile(r"\A\W{0,3}\d{1,2}[.)、）]\s*")
# How a line is numbered: 3.1, 三、, 第三条.
_NUMBERING = re.compile(
    r"\A\s*(?:第[〇一二三四五六七八九十百\d]{1,5}[章节節条條款]|[一二三四五六七八九十]{1,3}、"
    r"|\d{1,2}(?:\.\d{1,2}){0,3}(?:[.)、）]|\s))"
)
_NUMERAL = re.compile(r"\d+|[〇一二三四五六七八九十百]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of source ``n``; the span is that of its text in the passage.

    ``said``: the text itself, or that of a table's row with the names of its columns.
    ``repeats``: it has no word that the question does not have, and so cannot answer it.
    """

    n: int
    chunk: Chunk
    start: int
    end: int
    said: str
    terms: frozenset[str]
    announces: bool
    repeats: bool

    @property
    def text(self) -> str:
        return self.chunk.text[self.start : self.end]

    @property
    def is_item(self) -> bool:
        """Whether a line beside it is numbered alike: not headings, but items of a list."""
        before = self.chunk.text[: self.start].rstrip().rpartition("\n")[2]
        after = self.chunk.text[self.end :].lstrip().partition("\n")[0]
        own = _numbering(self.text)
        return bool(own) and own in (_numbering(before), _numbering(after))


@dataclass(frozen=True, slots=True)
class Passage:
    """One source, cut into sentences.

    ``context``: the terms of its title, headings and table header, which are in ``terms`` too.
    """

    sentences: tuple[Sentence, ...]
    terms: frozenset[str]
    context: frozenset[str]
    relevance: float  # its score as a share of the best one's


class Asked:
    """A question, and how a passage's words are compared with it: as they stand, or in English."""

    def __init__(self, question: str, idf: Idf, *, crossed: bool) -> None:
        """``crossed``: the passages are in the other language, and ``idf`` that of English
        terms where Chinese passages count by their gloss."""
        self.question = question
        self._idf, self._crossed = idf, crossed
        repeats_nothing = crossed or asks_yes_or_no(question)
        self._repeats = frozenset() if repeats_nothing else frozenset(analyze(question))
        self._analyze = english_terms if crossed else analyze  # may load the dictionary
        self.share = self._shares(idf)
        self.even_share = self._shares(_alike)
        # Where nothing but function words stands there, these are no terms of the question.
        beside, told = beside_question_word(question), frozenset(analyze_query(question))
        self.beside_share = self._shares(_alike, told, question=beside)

    def passages(self, sources: Sequence[Hit]) -> list[Passage]:
        """Those of ``sources`` that are in the language this compares with."""
        scores = sorted((hit.score for hit in sources), reverse=True)
        best = max(scores, default=0.0) or 1.0
        return [
            self._passage(n, hit, score / best)
            for n, (hit, score) in enumerate(zip(sources, scores, strict=True), 1)
            if hit.crossed == self._crossed
        ]

    def distinct_share(self, passages: Sequence[Passage]) -> TermShare | SenseShare:
        """The share of the question where terms weigh less the more sentences hold them."""
        sentences = [sentence.terms for passage in passages for sentence in passage.sentences]
        held = Counter(term for terms in sentences for term in terms)

        def weight(term: str) -> float:
            return self._idf(term) * math.log((len(sentences) + 1) / (held[term] + 0.5))

        return self._shares(weight, held)

    def _shares(
        self, weight: Idf, held: Collection[str] | None = None, *, question: str | None = None
    ) -> TermShare | SenseShare:
        """``held``: the terms that count; None: all of them. ``question``: a part of it."""
        asked = self.question if question is None else question
        if self._crossed:
            return share_across(asked, weight)

        def terms(question: str) -> list[str]:
            return [t for t in analyze_query(question) if held is None or t in held]

        return term_share(asked, terms, weight)

    def _passage(self, n: int, hit: Hit, relevance: float) -> Passage:
        text = hit.chunk.text
        sentences = tuple(
            self._sentence(n, hit.chunk, *row)
            for span in sentence_spans(text)
            for row in row_spans(text, *span)
        )
        terms, context = self._terms(text), self._terms(hit.chunk.context)
        return Passage(sentences, terms | context, context, relevance)

    def _sentence(self, n: int, chunk: Chunk, start: int, end: int) -> Sentence:
        start = after_title(chunk, start, end)
        text = chunk.text[start:end]
        row = said_in_full(chunk, start, end)
        terms = self._terms(row or text)
        item = _NUMBER_OF_AN_ITEM.match(text) if self._repeats else None
        told = self._terms(text[item.end() :]) if item else terms
        repeats = not row and told <= self._repeats
        announces = repeats or (
            not row and any(sign.search(text) for sign in (_ANNOUNCEMENT_ENDS, _HEADING))
        )
        return Sentence(n, chunk, start, end, row or text, terms, announces, repeats)

    def _terms(self, text: str) -> frozenset[str]:
        return frozenset(self._analyze(text))


def _numbering(line: str) -> str:
    """Alike for 1. and 2., 第三条 and 第四条; empty without a number."""
    found = _NUMBERING.match(line)
    return _NUMERAL.sub("1", found[0].strip()) if found else ""


def _alike(_: str) -> float:
    """Every term counts the same."""
    return 1.0
