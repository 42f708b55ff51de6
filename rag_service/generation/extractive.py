"""Answers without a chat model: the sentences of the documents that answer best, quoted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag_service.generation.numbered_parts import are_missing, asked_parts, stands_under
from rag_service.generation.passages import Asked, Passage, Sentence
from rag_service.generation.sentence_scoring import (
    Candidate,
    ClosenessOf,
    Kind,
    NearnessOf,
    candidates,
    closely_read,
)
from rag_service.text.folding import contains_quote
from rag_service.text.language import detect_language
from rag_service.text.term_shares import Idf
from rag_service.types import Citation, Hit

# A further sentence may score this much less than the best one, less so from another document,
# and must have a term of the question itself, or be what another announces.
MAX_GAP = 7.0
MAX_GAP_ELSEWHERE = 2.2

# A sentence in another language than the first source's is left out, unless it scores this much
# more than the best one in that language, or alone shows the kind of answer asked for.
PLAINLY_BETTER = 1.0

# It is on the topic where it covers this share of the question beside the best one's; through
# the dictionary a question loses about half of its terms.
ON_TOPIC = 0.4
# ... and scores no less than this below the best one.
LIFTED_WITHIN = 4.0

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

    In the pieces a row of a table has the names of its columns with its values. Numbers of
    notes that a document writes as ``[12]`` are left out of them: they would pass for citations.

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
    closeness: ClosenessOf | None = None,
    max_sentences: int = 3,
) -> Extract:
    """Quote the sentences of ``sources`` that answer best; ``sources[0]`` is ``[1]``.

    ``idf`` gives the weight of a token of ``text.analysis.analyze``, never negative;
    ``idf_in_english`` that of English ones for passages in another language than the
    question's. ``kind``: of the answer asked for, if it can be told. ``nearness``: how
    sentences are compared in meaning; None: by their words alone. ``closeness``: the same, for
    the best few, by a model that reads them. Sentences are in the language of the first source,
    unless one in the other language answers plainly better. The passage with the best sentence
    comes first; within a passage the order is the document's.
    """
    read = [
        (asked, asked.passages(sources))
        for crossed in dict.fromkeys(hit.crossed for hit in sources)
        for asked in [Asked(question, (crossed and idf_in_english) or idf, crossed=crossed)]
    ]
    found = [c for asked, passages in read for c in candidates(asked, passages, kind, nearness)]
    if closeness and found:
        found = closely_read(question, found, closeness)
    found = _in_parts_asked_for(question, found)
    chosen = _choose(_without_needless_length(_in_fit_language(found, sources)), max_sentences)
    chosen = _without_lone_announcements(chosen)
    quoted = [candidate.sentence for candidate in _reading_order(chosen)]
    return Extract(
        pieces=tuple(map(_piece, quoted)),
        citations=tuple(map(_citation, quoted)),
        support=max((_support(chosen, *each) for each in read), default=0.0),
    )


def _in_parts_asked_for(question: str, found: list[Candidate]) -> list[Candidate]:
    """Of an article that is asked for by its number nothing but what stands in it; nothing at
    all where the documents count their articles and none has the number."""
    parts = asked_parts(question)
    if not parts:
        return found
    if are_missing(parts, [c.sentence.chunk for c in found]):
        return []
    within = [c for c in found if stands_under(parts, c.sentence.chunk, c.sentence.end)]
    return within or found


def _support(chosen: Sequence[Candidate], asked: Asked, passages: Sequence[Passage]) -> float:
    """What those of ``passages`` that the chosen sentences stand in cover together."""
    sentences = {candidate.sentence for candidate in chosen}
    held = [p.terms for p in passages if not sentences.isdisjoint(p.sentences)]
    return asked.share.of(frozenset[str]().union(*held))


def _in_fit_language(found: Sequence[Candidate], sources: Sequence[Hit]) -> list[Candidate]:
    """Those in the language of the first source, and those in the other that answer plainly
    better: what is said as well in both should be read in one."""
    first = [c for c in found if sources[c.sentence.n - 1].crossed == sources[0].crossed]
    other = [c for c in found if sources[c.sentence.n - 1].crossed != sources[0].crossed]
    if not first or not other:
        return first or other
    best = max(c.score for c in first)
    showing = [c for c in _showing_an_answer(other, first) if c.score >= best - LIFTED_WITHIN]
    if showing and not _showing_an_answer(first, first):
        lift = best + PLAINLY_BETTER - max(c.score for c in showing)
        other = [replace(c, score=c.score + lift) for c in showing]
    return first + [c for c in other if c.score >= best + PLAINLY_BETTER]


def _showing_an_answer(found: Sequence[Candidate], rivals: Sequence[Candidate]) -> list[Candidate]:
    """Those on the topic that show the kind of answer asked for."""
    enough = ON_TOPIC * max(c.signals.own for c in rivals)
    return [c for c in found if c.signals.kind > 0 and c.signals.own >= enough]


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


def _without_lone_announcements(chosen: Sequence[Candidate]) -> list[Candidate]:
    """Without headings, labels and questions whose continuation is not quoted, as far as
    anything else is; what only repeats the question is no answer even alone."""
    kept: list[Sentence] = []
    for sentence in sorted((c.sentence for c in chosen), key=lambda s: -s.start):
        if _tells(sentence) or _goes_on(sentence, kept):
            kept.append(sentence)
    return [c for c in chosen if c.sentence in kept] or [
        c for c in chosen if not c.sentence.repeats
    ]


def _tells(sentence: Sentence) -> bool:
    return not sentence.announces or (sentence.is_item and not sentence.repeats)


def _goes_on(sentence: Sentence, kept: Sequence[Sentence]) -> bool:
    """Whether what follows it is among those kept."""
    later = (s for s in kept if s.chunk == sentence.chunk)
    text = sentence.chunk.text
    return any(s.start >= sentence.end and not text[sentence.end : s.start].strip() for s in later)


def _adds(candidate: Candidate, better: Candidate) -> bool:
    same = candidate.sentence.chunk.doc_id == better.sentence.chunk.doc_id
    return (
        candidate.score >= better.score - (MAX_GAP if same else MAX_GAP_ELSEWHERE)
        and (candidate.signals.own > 0 or candidate.announced)
        and not _same(candidate.sentence, better.sentence)
        and not _is_lesser_row(candidate, better)
    )


def _is_lesser_row(candidate: Candidate, better: Candidate) -> bool:
    """Whether both are rows of tables and one has less of the question: another item's row."""
    rows = all(c.sentence.said != c.sentence.text for c in (candidate, better))
    return rows and candidate.signals.own < better.signals.own


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


def _piece(sentence: Sentence) -> str:
    """The sentence for a reader, with its number."""
    gap = " " if detect_language(sentence.said) == "en" else ""
    unwrapped = _LINE_BREAK.sub(_unwrapped, sentence.said)  # where a page was too narrow for it
    unwrapped = _NOTE_NUMBER.sub("", unwrapped)
    return f"{unwrapped}{gap}[{sentence.n}]"


def _unwrapped(line_break: re.Match[str]) -> str:
    """Nothing between two Chinese letters, else a blank."""
    start, end = line_break.span()
    around = line_break.string[start - 1 : start] + line_break.string[end : end + 1]
    return "" if len(around) == 2 and all(map(_is_wide, around)) else " "


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"
