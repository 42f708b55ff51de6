"""Which sentence of the passages answers a question: ten signals, added up, then a closer look.

The signals need no model to run: how much of the question a sentence and its neighbours cover,
what tells it from the other sentences found, how near it comes in meaning, whether it shows the
kind of answer asked for, and how well its passage was ranked. The best few sentences are then
read by the embedding model, where it shows what it makes of each word.
Figures: docs/decisions/0018-extractive-answers.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from rag_service.generation.answer_signs import leans_on_the_one_before, signs
from rag_service.generation.headlines import says_nothing
from rag_service.generation.passages import Asked, Passage, Sentence

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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that has to do with the question; ``announced`` by the one before it.

    ``score`` is a logit: sentences of one question can be compared by it, nothing else.
    """

    sentence: Sentence
    signals: Signals
    score: float
    announced: bool


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
