"""Cutting a sentence, row or line that alone exceeds the token limit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from ingest import costs
from ingest.lines import trimmed
from rag_service.text.language import CJK_CLASS
from rag_service.text.sentences import sentence_spans

Span = tuple[int, int]
_Place = Literal["cells", "sentences", "clauses", "word groups", "words", "letters"]


class Parts(NamedTuple):
    """``tried`` of the places where its kind may be cut have been, the last of them here."""

    spans: list[Span]
    tried: int
    cost: float  # of ending a chunk between two of the spans


_IN_PROSE: Final[tuple[_Place, ...]] = ("clauses", "word groups", "words", "letters")
_IN_ROW: Final[tuple[_Place, ...]] = ("cells", "sentences", *_IN_PROSE)
_COSTS: Final[dict[_Place, float]] = {
    "cells": costs.WITHIN_SENTENCE,
    "sentences": costs.WITHIN_SENTENCE,
    "clauses": costs.WITHIN_SENTENCE,
    "word groups": costs.WITHIN_CLAUSE,
    "words": costs.WITHIN_CLAUSE,
    "letters": costs.WITHIN_WORD,
}
# Runs of marks are tried from their beginning alone: else a row of commas takes quadratic time.
_CLAUSE_END: Final = re.compile(
    rf"[，；：、]+[”’」』）)]*|(?<![,;:])[,;:]++[\"'”’)]*+(?=[\s{CJK_CLASS}])"
)
_CELL_END: Final = re.compile(r"(?<=[^|\s])\s*[|\t]")  # not behind a cell that is empty
_SPACE: Final = re.compile(r"\s+")
_PARTS_PER_CHUNK: Final = 4  # where a sentence must be cut blindly, so that chunks come out even


def cut_span(
    text: str, kind: str, span: Span, tried: int, *, tokens: int, max_tokens: int
) -> Parts:
    """``span`` of ``tokens`` cut at the best kind of place, the first ``tried`` left out.

    Cuts fall behind cells and sentences in a row, behind clauses, else at white space, else
    between letters, never before a combining mark unless the marks of one letter alone exceed
    the limit.
    """
    places = _IN_ROW if kind == "table" else _IN_PROSE
    size = max(1, (span[1] - span[0]) * max_tokens // (_PARTS_PER_CHUNK * tokens))
    for number in range(min(tried, len(places) - 1), len(places)):
        spans = _cut_at(text, span, places[number], size)
        if len(spans) > 1:
            return Parts(spans, number + 1, _COSTS[places[number]])
    raise AssertionError("A span of several characters can always be cut; this is a bug.")


def _cut_at(text: str, span: Span, place: _Place, size: int) -> list[Span]:
    spans: list[Span] = []
    start = span[0]
    for end in [*_ends(text, span, place, size), span[1]]:
        spans.extend(trimmed(text, start, end))
        start = end
    return spans


def _ends(text: str, span: Span, place: _Place, size: int) -> Iterator[int]:
    if place == "cells":
        return _ends_of(_CELL_END, text, span, 1)
    if place == "sentences":
        return (span[0] + end for _, end in sentence_spans(text[span[0] : span[1]]))
    if place == "clauses":
        return _ends_of(_CLAUSE_END, text, span, 1)
    if place == "letters":
        return _letter_ends(text, span, min(size, (span[1] - span[0]) // 2))
    return _ends_of(_SPACE, text, span, size if place == "word groups" else 1)


def _ends_of(pattern: re.Pattern[str], text: str, span: Span, size: int) -> Iterator[int]:
    """Ends of matches, at least ``size`` characters apart."""
    start = span[0]
    for match in pattern.finditer(text, *span):
        if match.end() - start >= size:
            start = match.end()
            yield start


def _letter_ends(text: str, span: Span, size: int) -> Iterator[int]:
    """Ends about every ``size`` characters, before no combining mark where that can be helped."""
    first, last = span
    start = first
    while start + size < last:
        end = start + size
        while end < last and _belongs_to_last(text, end):
            end += 1
        if end == last:
            end = _last_letter(text, start, end)
        if end == start and start > first:
            return  # one letter is left; whether it exceeds the limit is yet to be counted
        if end == start:
            end = (start + last + 1) // 2
        yield end
        start = end


def _last_letter(text: str, start: int, end: int) -> int:
    """Where the last letter of the span starts."""
    end -= 1
    while end > start and _belongs_to_last(text, end):
        end -= 1
    return end


def _belongs_to_last(text: str, index: int) -> bool:
    """Whether the character continues the one before: a mark, a joiner, or what one joins."""
    char, before = text[index], text[index - 1]
    return unicodedata.category(char)[0] == "M" or "\u200d" in (char, before)
