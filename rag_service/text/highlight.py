"""Where the terms of a question stand in a text, for showing them to people.

The terms are what :mod:`rag_service.text.analysis` makes of the question: stemmed, folded in
width and case, simplified. Candidates are cut from the original text and analysed like it, so
whatever the analyzer takes for the same is found: ``WARRANTIES`` in full width by ``warranti``,
``保證`` by ``保证``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final

from rag_service.text.analysis import analyze
from rag_service.text.language import CJK_CLASS

# Runs of Chinese, and words and codes with what holds them together. Both go on over a line
# break where the analyzer does: in Chinese, and after a hyphen.
_WRAP: Final = r"[ \t]*\r?\n[ \t]*"
# With accents written apart, soft hyphens and zero-width characters, which are not indexed.
_WORD: Final = rf"[^\W{CJK_CLASS}](?:[^\W{CJK_CLASS}]|[\u0300-\u036f\u00ad\u200b-\u200d])*"
_RUNS: Final = re.compile(
    rf"(?P<cjk>[{CJK_CLASS}](?:(?:{_WRAP})?[{CJK_CLASS}])*)"
    rf"|{_WORD}(?:(?:[-./_'’@&]|-{_WRAP}|(?<=\d)[:,](?=\d)){_WORD})*"
    r"(?:[+#]+\d*|%)?"
)
_ATOM: Final = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f\u00ad\u200b-\u200d])*")

Span = tuple[int, int]


def matched_spans(text: str, terms: Collection[str]) -> list[Span]:
    """Spans ``(start, end)`` of what the text is found by: ordered, disjoint, not adjoining.

    A single Chinese letter counts only where the text has none of the pairs of ``terms`` that
    it is part of: 年 of 年假 is no reason to mark the 年 of 2024年.
    """
    wanted = frozenset(terms)
    spans: list[Span] = []
    letters: list[tuple[str, Span]] = []  # single ones that were asked for
    paired: set[str] = set()
    for run in _RUNS.finditer(text):
        if run["cjk"] is None:
            spans += _in_words(text, run.start(), run.end(), wanted)
            continue
        folded = list(_letters(text, run.start(), run.end()))
        for (first, start), (second, end) in pairwise(folded):
            if first + second in wanted:
                paired |= {first, second}
                spans += [(start, start + 1), (end, end + 1)]
        letters += [(letter, (at, at + 1)) for letter, at in folded if letter in wanted]
    spans += [span for letter, span in letters if letter not in paired]
    return _merged(spans)


def _letters(text: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    """Each Chinese letter as it is indexed, with its place."""
    for at in range(start, end):
        if analysed := analyze(text[at]):
            yield analysed[0], at


def _in_words(text: str, start: int, end: int, wanted: frozenset[str]) -> Iterator[Span]:
    """All of a word or code that matches as a whole, or else the parts that do."""
    tokens = analyze(text[start:end])
    if wanted.isdisjoint(tokens):
        return
    parts = [
        (start + atom.start(), start + atom.end())
        for atom in _ATOM.finditer(text[start:end])
        if not wanted.isdisjoint(analyze(atom[0]))
    ]
    # The analyzer gives the whole first, and a word that is written apart as one word.
    yield from parts if parts and tokens[0] not in wanted else [(start, end)]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
