"""Which sentence of the passages answers a question: eight signals, added up.

The signals need no model of their own: how much of the question a sentence and its neighbours
cover, what tells it from the other sentences found, how near it comes in meaning, whether it
shows the kind of answer asked for, and how well its passage was ranked.
Figures: docs/decisions/0018-extractive-answers.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rag_service.generation.answer_signs import signs
from rag_service.text.analysis import analyze, analyze_query
from rag_service.text.sentences import sentence_spans
from rag_service.text.term_shares import Idf, SenseShare, TermShare, english_terms, share_across
from rag_service.types import Chunk, Hit

# The cosine, -1..1, of every sentence of every passage with the question.
NearnessOf = Callable[[str, Sequence[Sequence[str]]], list[list[float]]]


class Kind(Protocol):
    """The kind of answer that a question asks for."""

    def held(self, text: str) -> float:
        """1 if ``text`` holds one, 0 if not, 0.5 where it cannot be told."""


class Signals(NamedTuple):
    """What speaks for a sentence; shares of the question's terms are weighted by IDF."""

    own: float  # share of the question in the sentence
    before: float  # the further share in the sentence before it
    after: float  # the further share in the one after it
    context: float  # the further share in its headings, title and table header
    distinct: float  # its share where terms count less that many sentences found have
    near: float  # cosine with the question
    kind: float  # -1..1 for each sign of the answer that the question calls for
    passage: float  # score of its passage, as a share of the best one's


# What each signal counts: logit coefficients, in the order above. A conditional logit (McFadden
# 1974) of which sentence holds the answer, fitted on 2,680 questions of XQuAD English, XQuAD
# Chinese and DRCD, both languages together; without nearness fitted again.
_WEIGHTS = Signals(1.7, 1.7, 1.4, 2.3, 3.5, 5.9, 0.9, 5.2)
_WEIGHTS_WITHOUT_NEARNESS = Signals(2.3, 2.3, 1.2, 2.8, 4.9, 0.0, 0.8, 5.6)

# A question, a heading, a list's lead-in and what only repeats the question say what is
# coming, not what it is: they count half, and double for the sentence that follows.
_ANNOUNCING = 0.5
_ANNOUNCED = 2.0
_ANNOUNCEMENT_ENDS = re.compile(r"[?？:：][\"'”’」』）)]*$")
# Of Markdown, or a short numbered line that no sentence ends: 7 Error codes, 第三条 住宿.
_HEADING = re.compile(
    r"#{1,6}\s|(?:第[〇一二三四五六七八九十百\d]{1,5}[章节節条條款]|[一二三四五六七八九十]{1,3}、"
    r"|\d{1,2}(?:\.\d{1,2}){0,3}\.?\s)\s?[^。！？.!?；;，,:：]{1,30}\Z"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of source ``n``; the span is that of its text in the passage."""

    n: int
    chunk: Chunk
    start: int
    end: int
    terms: frozenset[str]
    announces: bool

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

    def passages(self, sources: Sequence[Hit]) -> list[Passage]:
        """Those of ``sources`` that are in the same language as the best one."""
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

    def _shares(self, weight: Idf, held: Collection[str] | None = None) -> TermShare | SenseShare:
        """``held``: the terms that count; None: all of the question's."""
        if self._crossed:
            return share_across(self.question, weight)
        terms = (t for t in analyze_query(self.question) if held is None or t in held)
        return TermShare({term: weight(term) for term in terms})

    def _passage(self, n: int, hit: Hit, relevance: float) -> Passage:
        text = hit.chunk.text
        sentences = tuple(
            self._sentence(n, hit.chunk, start, end) for start, end in sentence_spans(text)
        )
        terms, context = self._terms(text), self._terms(hit.chunk.context)
        return Passage(sentences, terms | context, context, relevance)

    def _sentence(self, n: int, chunk: Chunk, start: int, end: int) -> Sentence:
        text = chunk.text[start:end]
        terms = self._terms(text)
        announces = _ANNOUNCEMENT_ENDS.search(text) or _HEADING.match(text)
        return Sentence(n, chunk, start, end, terms, bool(announces) or terms <= self._repeats)

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
        if not _is_title(sentence)  # which names the subject and says nothing of it
        for signals in [
            Signals(
                own=asked.share.of(sentence.terms),
                before=_added(asked, sentence, before),
                after=_added(asked, sentence, after),
                context=asked.share.of(passage.context - sentence.terms),
                distinct=distinct.of(sentence.terms),
                near=cosine,
                kind=shows(sentence.text),
                passage=passage.relevance,
            )
        ]
    ]


def _is_title(sentence: Sentence) -> bool:
    chunk = sentence.chunk
    alone = chunk.text[sentence.end :].startswith("\n\n")
    opens = chunk.char_start + sentence.start == 0 and sentence.text[-1] not in "。.!?！？…"
    return (opens and alone) or sentence.text.lstrip("# ") in (
        chunk.title,
        *chunk.heading.split(" > "),
    )


def _candidate(
    signals: Signals, weights: Signals, sentence: Sentence, before: Sentence | None
) -> Candidate:
    """Announcements count less, and what they announce more."""
    announced = before is not None and before.announces
    if announced:
        signals = signals._replace(before=signals.before * _ANNOUNCED)
    if sentence.announces:
        signals = signals._replace(
            own=signals.own * _ANNOUNCING,
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
    texts = [[sentence.text for sentence in passage.sentences] for passage in passages]
    return nearness(question, texts)
