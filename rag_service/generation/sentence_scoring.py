"""Which sentence of the passages answers a question: ten signals, added up, then a closer look.

The signals need no model to run: how much of the question a sentence and its neighbours cover,
what tells it from the other sentences found, how near it comes in meaning, whether it shows the
kind of answer asked for, and how well its passage was ranked. The best few sentences are then
read by the embedding model, where it shows what it makes of each word.
Figures: docs/decisions/0018-extractive-answers.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from rag_service.generation.answer_signs import (
    beside_question_word,
    leans_on_the_one_before,
    signs,
)
from rag_service.generation.headlines import after_title, says_nothing
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

# The cosine, -1..1, of every sentence of every passage with the question.
NearnessOf = Callable[[str, Sequence[Sequence[str]]], list[list[float]]]
# How well each sentence, read word by word, takes up the question: -1..1.
ClosenessOf = Callable[[str, Sequence[str]], list[float]]


class Kind(Protocol):
    """The kind of answer that a question asks for."""

    def held(self, text: str) -> float:
        """1 if ``text`` holds one, 0 if not, 0.5 where it cannot be told."""


class Signals(NamedTuple):
    """What speaks for a sentence; shares of the question's terms are weighted by IDF."""

    own: float  # share of the question in the sentence, every term alike
    beside: float  # share of the terms next to the question word, every term alike
    before: float  # the further share in the sentence before it
    leaning: float  # the same, if the sentence begins with a pronoun or is announced
    after: float  # the further share in the one after it
    context: float  # the further share in its headings, title and table header
    distinct: float  # its share where terms count less that many sentences found have
    near: float  # cosine with the question
    kind: float  # -1..1 for each sign of the answer that the question calls for
    passage: float  # score of its passage, as a share of the best one's


# What each signal counts: logit coefficients, in the order above. A conditional logit (McFadden
# 1974) of which sentence holds the answer, fitted on 2,480 questions of XQuAD English, XQuAD
# Chinese and DRCD, both languages together; without nearness fitted again.
_WEIGHTS = Signals(1.5, 1.3, 0.9, 2.0, 1.4, 2.6, 3.1, 5.3, 0.8, 6.7)
_WEIGHTS_WITHOUT_NEARNESS = Signals(1.9, 1.3, 1.4, 2.1, 1.1, 3.0, 4.3, 0.0, 0.8, 7.1)

# How many sentences the model reads, and what their closeness counts beside the score.
_CLOSELY_READ = 5
_SCORE_SHARE = 0.76
_CLOSENESS = 4.1

# A question, a heading, a list's lead-in and what only repeats the question say what is
# coming, not what it is: they count half, and double for the sentence that follows.
_ANNOUNCING = 0.5
_ANNOUNCED = 2.0
_ANNOUNCEMENT_ENDS = re.compile(r"[?？:：][\"'”’」』）)]*$")
# Of Markdown, or a short numbered line that no sentence ends: 7 Error codes, 第三条 住宿.
_HEADING = re.compile(
    r"\A#{1,6}\s|\A(?:第[〇一二三四五六七八九十百\d]{1,5}[章节節条條款]|[一二三四五六七八九十]{1,3}、"
    r"|\d{1,2}(?:\.\d{1,2}){0,3}\.?\s)\s?[^。！？.!?；;，,:：]{1,30}\Z"
)
_NUMBER_OF_AN_ITEM = re.compile(r"\A\W{0,3}\d{1,2}[.)、）]\s*")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of source ``n``; the span is that of its text in the passage.

    ``said``: the text itself, or that of a table's row with the names of its columns.
    ``repeats``: it has no word that the question does not have.
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that has to do with the question; ``announced`` by the one before it.

    ``score`` is a logit: sentences of one question can be compared by it, nothing else.
    """

    sentence: Sentence
    signals: Signals
    score: float
    announced: bool


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
        self._repeats = frozenset() if crossed else frozenset(analyze(question))
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
        repeats = not row and self._terms(_NUMBER_OF_AN_ITEM.sub("", text)) <= self._repeats
        announces = repeats or (
            not row and any(sign.search(text) for sign in (_ANNOUNCEMENT_ENDS, _HEADING))
        )
        return Sentence(n, chunk, start, end, row or text, terms, announces, repeats)

    def _terms(self, text: str) -> frozenset[str]:
        return frozenset(self._analyze(text))


def candidates(
    asked: Asked, passages: Sequence[Passage], kind: Kind | None, nearness: NearnessOf | None
) -> list[Candidate]:
    """The sentences of passages that have to do with the question, each with its score."""
    passages = [passage for passage in passages if asked.share.of(passage.terms)]
    distinct = asked.distinct_share(passages)
    shows = _shown(asked.question, kind)
    cosines = _cosines(asked.question, passages, nearness)
    weights = _WEIGHTS if nearness else _WEIGHTS_WITHOUT_NEARNESS
    return [
        _candidate(signals, weights, sentence, before)
        for passage, near in zip(passages, cosines, strict=True)
        for (before, sentence, after), cosine in zip(_in_context(passage), near, strict=True)
        if not says_nothing(sentence.chunk, sentence.start, sentence.end)
        for signals in [
            Signals(
                own=asked.even_share.of(sentence.terms),
                beside=asked.beside_share.of(sentence.terms),
                before=_added(asked, sentence, before),
                leaning=0.0,
                after=_added(asked, sentence, after),
                context=asked.share.of(passage.context - sentence.terms),
                distinct=distinct.of(sentence.terms),
                near=cosine,
                kind=shows(sentence.said),
                passage=passage.relevance,
            )
        ]
    ]


def closely_read(
    question: str, found: Sequence[Candidate], closeness: ClosenessOf
) -> list[Candidate]:
    """The same candidates; the best ``_CLOSELY_READ`` of them compared word by word.

    The others are taken to be no closer than the least close one of these.
    """
    best = sorted(found, key=lambda c: -c.score)[:_CLOSELY_READ]
    close = closeness(question, [candidate.sentence.said for candidate in best])
    least = min(close, default=0.0)
    known = dict(zip(map(id, best), close, strict=True))
    return [
        replace(c, score=_SCORE_SHARE * c.score + _CLOSENESS * known.get(id(c), least))
        for c in found
    ]


def _alike(_: str) -> float:
    """Every term counts the same."""
    return 1.0


def _candidate(
    signals: Signals, weights: Signals, sentence: Sentence, before: Sentence | None
) -> Candidate:
    """Announcements count less, and what they announce more."""
    announced = before is not None and before.announces
    if announced:
        signals = signals._replace(before=signals.before * _ANNOUNCED)
    if announced or leans_on_the_one_before(sentence.text):
        signals = signals._replace(leaning=signals.before)
    if sentence.announces:
        signals = signals._replace(
            own=signals.own * _ANNOUNCING,
            beside=signals.beside * _ANNOUNCING,
            distinct=signals.distinct * _ANNOUNCING,
            near=signals.near * _ANNOUNCING,
        )
    score = sum(weight * signal for weight, signal in zip(weights, signals, strict=True))
    return Candidate(sentence, signals, score, announced)


def _in_context(
    passage: Passage,
) -> Iterator[tuple[Sentence | None, Sentence, Sentence | None]]:
    """Each sentence between its neighbours."""
    own = passage.sentences
    yield from zip([None, *own], own, [*own[1:], None], strict=False)


def _added(asked: Asked, sentence: Sentence, neighbour: Sentence | None) -> float:
    """What a neighbour covers of the question beyond the sentence itself."""
    return asked.share.of(neighbour.terms - sentence.terms) if neighbour else 0.0


def _shown(question: str, kind: Kind | None) -> Callable[[str], float]:
    """The sum of all signs of the answer that a sentence shows."""
    asked_for = signs(question)

    def shown(sentence: str) -> float:
        held = 2 * kind.held(sentence) - 1 if kind else 0.0
        return held + sum(sign(sentence) for sign in asked_for)

    return shown


def _cosines(
    question: str, passages: Sequence[Passage], nearness: NearnessOf | None
) -> list[list[float]]:
    if nearness is None:
        return [[0.0] * len(passage.sentences) for passage in passages]
    texts = [[sentence.said for sentence in passage.sentences] for passage in passages]
    return nearness(question, texts)
