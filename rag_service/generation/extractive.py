"""Answers without a chat model: the sentences of the documents that answer best, quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.generation.sentence_scoring import (
    Asked,
    Candidate,
    Kind,
    NearnessOf,
    Passage,
    Sentence,
    candidates,
)
from rag_service.text.folding import contains_quote
from rag_service.text.language import detect_language
from rag_service.text.term_shares import Idf
from rag_service.types import Citation, Hit

# A further sentence may score this much less than the best one, less so from another document,
# and must have a term of the question itself, or be what another announces.
MAX_GAP = 6.5
MAX_GAP_ELSEWHERE = 2.0

# Two sentences say the same when they share this much of the shorter one's terms.
SAME_SHARE = 0.8

# A longer sentence (in characters) is a table or a list without punctuation: it is taken
# only where no shorter one covers as much.
LONG_SENTENCE_CHARS = 600

_NOTE_NUMBER = re.compile(r"\[\d{1,3}\]")
_LINE_BREAK = re.compile(r"[^\S\n]*\n[^\S\n]*")


@dataclass(frozen=True, slots=True)
class Extract:
    """Quoted sentences, each followed by its ``[n]``; ``pieces[i]`` has that of ``citations[i]``.

    Numbers of notes that a document writes as ``[12]`` are left out of the pieces: they would
    pass for citations.

    ``support`` is the share, 0..1, of the question's terms, weighted by IDF, that the
    passages of the chosen sentences cover. Without any, ``text`` is empty.
    """

    pieces: tuple[str, ...]
    citations: tuple[Citation, ...]
    support: float

    @property
    def text(self) -> str:
        return " ".join(self.pieces)


def extract(
    question: str,
    sources: Sequence[Hit],
    *,
    idf: Idf,
    idf_in_english: Idf | None = None,
    kind: Kind | None = None,
    nearness: NearnessOf | None = None,
    max_sentences: int = 3,
) -> Extract:
    """Quote the sentences of ``sources`` that answer best; ``sources[0]`` is ``[1]``.

    ``idf`` gives the weight of a token of ``text.analysis.analyze``, never negative;
    ``idf_in_english`` that of English ones for passages in another language than the
    question's. ``kind``: of the answer asked for, if it can be told. ``nearness``: how
    sentences are compared in meaning; None: by their words alone. All sentences are in the
    language of the first source: one that is better supported by another language's words
    would only be a worse way to say the same. The passage with the best sentence comes
    first; within a passage the order is the document's.
    """
    crossed = bool(sources) and sources[0].crossed
    asked = Asked(question, (crossed and idf_in_english) or idf, crossed=crossed)
    passages = asked.passages(sources)
    found = candidates(asked, passages, kind, nearness)
    chosen = _choose(_without_needless_length(found), max_sentences)
    citations = tuple(_citation(candidate.sentence) for candidate in _reading_order(chosen))
    return Extract(
        pieces=tuple(map(_quoted, citations)),
        citations=citations,
        support=_support(chosen, passages, asked),
    )


def _support(chosen: Sequence[Candidate], passages: Sequence[Passage], asked: Asked) -> float:
    """What the passages of the chosen sentences cover together."""
    sentences = {candidate.sentence for candidate in chosen}
    held = [p.terms for p in passages if not sentences.isdisjoint(p.sentences)]
    return asked.share.of(frozenset[str]().union(*held))


def _without_needless_length(found: Sequence[Candidate]) -> list[Candidate]:
    short = [c for c in found if not _is_long(c.sentence)]
    enough = max((c.signals.own for c in short), default=-1.0)
    return [c for c in found if not _is_long(c.sentence) or c.signals.own > enough]


def _is_long(sentence: Sentence) -> bool:
    return sentence.end - sentence.start > LONG_SENTENCE_CHARS


def _choose(found: Sequence[Candidate], most: int) -> list[Candidate]:
    """The best candidates, best first, none of them saying what a better one says."""
    chosen: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: -c.score):
        if len(chosen) == most:
            break
        if all(_adds(candidate, better) for better in chosen):
            chosen.append(candidate)
    return chosen


def _adds(candidate: Candidate, better: Candidate) -> bool:
    same = candidate.sentence.chunk.doc_id == better.sentence.chunk.doc_id
    return (
        candidate.score >= better.score - (MAX_GAP if same else MAX_GAP_ELSEWHERE)
        and (candidate.signals.own > 0 or candidate.announced)
        and not _same(candidate.sentence, better.sentence)
    )


def _same(one: Sentence, other: Sentence) -> bool:
    shorter = min(len(one.terms), len(other.terms))
    return len(one.terms & other.terms) >= SAME_SHARE * shorter


def _reading_order(chosen: Sequence[Candidate]) -> list[Candidate]:
    passages = list(dict.fromkeys(candidate.sentence.n for candidate in chosen))
    return sorted(chosen, key=lambda c: (passages.index(c.sentence.n), c.sentence.start))


def _citation(sentence: Sentence) -> Citation:
    chunk, quote = sentence.chunk, sentence.text
    return Citation(
        n=sentence.n,
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
    unwrapped = _NOTE_NUMBER.sub("", unwrapped)
    return f"{unwrapped}{gap}[{citation.n}]"
