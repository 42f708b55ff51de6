"""Answers without a chat model: the sentences of the documents that answer best, quoted.

A sentence is judged by how much of the question it covers, each term once and weighted by
its inverse document frequency. A sentence that answers often leaves to its surroundings
what it speaks about ("It was built in 1912."), so part of what the neighbouring sentences,
the passage, its heading and title cover counts for it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag_service.text.analysis import analyze, analyze_query
from rag_service.text.folding import contains_quote
from rag_service.text.language import detect_language
from rag_service.text.sentences import sentence_spans
from rag_service.text.term_shares import SenseShare, TermShare, english_terms, share_across
from rag_service.types import Chunk, Citation, Hit

# What question terms count that are not in the sentence but in the one before it, the one
# after it, or elsewhere in the passage, its heading and title; and what each place further
# down the ranking costs. Set on 600 questions each of XQuAD English, XQuAD Chinese and
# DRCD, where moving one of them by 0.1 (the cost by 0.01) loses less than a point. On 300
# others each, the gold answer is in the three sentences for .92 .90 .92 of the questions
# (.88 .85 .87 without these weights) and in the first for .79 .74 .82 (.78 .74 .82).
PREVIOUS_WEIGHT = 0.5
NEXT_WEIGHT = 0.3
PASSAGE_WEIGHT = 0.1
RANK_COST = 0.02

# A question, a heading or a list's lead-in says what is coming, not what it is: it counts
# half, and in full for the sentence that follows.
ANNOUNCEMENT_WEIGHT = 0.5
ANNOUNCED_WEIGHT = 1.0

# A further sentence must be worth this share of the best one and have a term of the
# question itself, or be what another announces. On the same questions that leaves out one
# sentence in nine and costs a quarter of a point of answers found.
MIN_SHARE_OF_BEST = 0.4

# Two sentences say the same when they share this much of the shorter one's terms.
SAME_SHARE = 0.8

# A longer sentence (in characters) is a table or a list without punctuation: it is taken
# only where no shorter one covers as much.
LONG_SENTENCE_CHARS = 400

_ANNOUNCEMENT_ENDS = re.compile(r"[?？:：][\"'”’」』）)]*$")
_LINE_BREAK = re.compile(r"[^\S\n]*\n[^\S\n]*")
_HEADING = re.compile(r"#{1,6}\s")


@dataclass(frozen=True, slots=True)
class Extract:
    """Quoted sentences, each followed by its ``[n]``.

    ``support`` is the share, 0..1, of the question's terms, weighted by IDF, that the
    passages of the chosen sentences cover. Without any, ``text`` is empty.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float


def extract(
    question: str,
    sources: Sequence[Hit],
    *,
    idf: Callable[[str], float],
    idf_in_english: Callable[[str], float] | None = None,
    max_sentences: int = 3,
) -> Extract:
    """Quote the best-supported sentences of ``sources``; ``sources[0]`` is ``[1]``.

    ``idf`` gives the weight of a token of ``text.analysis.analyze``, never negative;
    ``idf_in_english`` that of English ones for passages in another language than the
    question's. All sentences are in the language of the first source: one that is better
    supported by another language's words would only be a worse way to say the same. The
    passage with the best sentence comes first; within a passage the order is the document's.
    """
    crossed = bool(sources) and sources[0].crossed
    if crossed:  # may have to load the dictionary
        reading = _Reading(share_across(question, idf_in_english or idf), english_terms)
    else:
        reading = _Reading(
            TermShare({term: idf(term) for term in analyze_query(question)}), analyze
        )
    candidates = [
        candidate
        for n, hit in enumerate(sources, 1)
        if hit.crossed == crossed
        for candidate in _candidates(n, hit, reading)
    ]
    chosen = _choose(_without_needless_length(candidates), max_sentences)
    citations = tuple(_citation(candidate) for candidate in _reading_order(chosen))
    return Extract(
        text=" ".join(_quoted(citation) for citation in citations),
        citations=citations,
        support=_support(chosen, reading),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a passage's words are compared with the question's: as they stand, or in English."""

    question: TermShare | SenseShare
    analyze: Callable[[str], list[str]]

    def terms(self, text: str) -> frozenset[str]:
        return frozenset(self.analyze(text))


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    terms: frozenset[str]
    announces: bool


_NOTHING = _Sentence(0, 0, frozenset(), announces=False)


@dataclass(frozen=True, slots=True)
class _Candidate:
    n: int
    chunk: Chunk
    sentence: _Sentence
    coverage: float
    score: float
    announced: bool


def _candidates(n: int, hit: Hit, reading: _Reading) -> Iterator[_Candidate]:
    """The sentences of source ``n`` that have to do with the question."""
    sentences = _sentences(hit.chunk.text, reading)
    passage = _passage_terms(hit.chunk, reading)
    coverage = reading.question
    for before, sentence, after in zip(
        [_NOTHING, *sentences], sentences, [*sentences[1:], _NOTHING], strict=False
    ):
        own = coverage.of(sentence.terms)
        score = (
            own * (ANNOUNCEMENT_WEIGHT if sentence.announces else 1.0)
            + coverage.of(before.terms - sentence.terms)
            * (ANNOUNCED_WEIGHT if before.announces else PREVIOUS_WEIGHT)
            + coverage.of(after.terms - sentence.terms) * NEXT_WEIGHT
            + coverage.of(passage - sentence.terms) * PASSAGE_WEIGHT
        )
        is_title = hit.chunk.text[sentence.start : sentence.end] == hit.chunk.title
        if score > 0 and not is_title:  # a title names the subject and says nothing of it
            score -= RANK_COST * (n - 1)
            yield _Candidate(n, hit.chunk, sentence, own, score, before.announces)


def _support(chosen: Sequence[_Candidate], reading: _Reading) -> float:
    """What the passages of the chosen sentences cover together."""
    passages = (_passage_terms(candidate.chunk, reading) for candidate in chosen)
    held = frozenset[str]().union(*passages)
    return reading.question.of(held)


def _sentences(text: str, reading: _Reading) -> list[_Sentence]:
    return [
        _Sentence(start, end, reading.terms(text[start:end]), _announces(text[start:end]))
        for start, end in sentence_spans(text)
    ]


def _announces(sentence: str) -> bool:
    return bool(_ANNOUNCEMENT_ENDS.search(sentence) or _HEADING.match(sentence))


def _passage_terms(chunk: Chunk, reading: _Reading) -> frozenset[str]:
    return reading.terms(f"{chunk.context}\n{chunk.text}")


def _without_needless_length(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    short = [c for c in candidates if not _is_long(c)]
    enough = max((c.coverage for c in short), default=-1.0)
    return [c for c in candidates if not _is_long(c) or c.coverage > enough]


def _is_long(candidate: _Candidate) -> bool:
    return candidate.sentence.end - candidate.sentence.start > LONG_SENTENCE_CHARS


def _choose(candidates: Sequence[_Candidate], most: int) -> list[_Candidate]:
    """The best candidates, best first, none of them saying what a better one says."""
    chosen: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.score):
        if len(chosen) == most:
            break
        if all(_adds(candidate, better) for better in chosen):
            chosen.append(candidate)
    return chosen


def _adds(candidate: _Candidate, better: _Candidate) -> bool:
    return (
        candidate.score >= MIN_SHARE_OF_BEST * better.score
        and (candidate.coverage > 0 or candidate.announced)
        and not _same(candidate.sentence, better.sentence)
    )


def _same(one: _Sentence, other: _Sentence) -> bool:
    shorter = min(len(one.terms), len(other.terms))
    return len(one.terms & other.terms) >= SAME_SHARE * shorter


def _reading_order(chosen: Sequence[_Candidate]) -> list[_Candidate]:
    passages = list(dict.fromkeys(candidate.n for candidate in chosen))
    return sorted(chosen, key=lambda c: (passages.index(c.n), c.sentence.start))


def _citation(candidate: _Candidate) -> Citation:
    chunk, sentence = candidate.chunk, candidate.sentence
    quote = chunk.text[sentence.start : sentence.end]
    return Citation(
        n=candidate.n,
        chunk_id=chunk.chunk_id,
        doc_id=chunk.doc_id,
        source=chunk.source,
        page=chunk.page,
        char_start=chunk.char_start + sentence.start,
        char_end=chunk.char_start + sentence.end,
        quote=quote,
        verified=contains_quote(chunk.text, quote),
    )


def _quoted(citation: Citation) -> str:
    gap = " " if detect_language(citation.quote) == "en" else ""
    unwrapped = _LINE_BREAK.sub(gap, citation.quote)  # where a page was too narrow for it
    return f"{unwrapped}{gap}[{citation.n}]"
