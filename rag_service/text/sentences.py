"""Sentence boundaries in Chinese and English, as exact spans.

Boundaries are the end marks of each language, and the line breaks that end something
(:mod:`rag_service.text.line_breaks`).

A full-width semicolon joins clauses that need each other ("甲…；乙…。"), so inside a line it does
not end a sentence; at the end of a line it does, because statutes and lists close items with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rag_service.text.language import is_cjk
from rag_service.text.line_breaks import running_stretches

_CLOSERS: Final = r"[\"'”’」』）)】\]〕]"
# End marks with the closing quotes and note numbers ("[12]") after them. Possessive and bounded,
# so that no run of marks is read twice.
_END_MARKS: Final = re.compile(
    rf"(?:(?:[。｡！？.!?]|…)++(?:\[\d{{1,3}}\]|{_CLOSERS}){{0,8}}+){{1,4}}+"
)
_FULL_WIDTH: Final = re.compile("[。｡！？]")
_OPENING_QUOTES: Final = "“‘「『（《【〈"

# Joined to what follows, whatever its case.
_TITLES: Final = "mr mrs ms dr prof rev gen col capt lt sgt gov sen rep hon messrs mme mlle mt st"
_LATIN: Final = "e.g i.e cf vs viz ca approx resp incl esp"
_NEVER_ENDS: Final = frozenset(f"{_TITLES} {_LATIN}".split())
# Abbreviations only before a number ("No. 5", "Fig. S1"); else an ordinary last word ("No.").
_COUNTED: Final = "no nos fig figs p pp vol vols ch chap sec sect art arts eq eqs ref refs tab app"
_MONTHS: Final = "jan feb mar apr jun jul aug sep sept oct nov dec"
_BEFORE_NUMBER: Final = frozenset(f"{_COUNTED} {_MONTHS}".split())
# Abbreviations that may also be the last word ("Roe v. Wade", but "at speed v. The"); so are
# initials ("U.S.", "p.m.", "J.").
_LAST_WORDS: Final = "etc al inc ltd co corp jr sr bros dept est univ assn ave blvd ph.d m.sc v"
_MAY_END: Final = frozenset(_LAST_WORDS.split())
# What begins a sentence after such a word; after "J. K." a name follows, not one of these.
_OPENING_WORDS: Final = """
    the a an this that these those it its he his she her they their we our i you your my there
    in on at for from by with as to after before when while where if although though since
    because however but and so then also thus therefore what who why how some many most all
    each every no not one two another such both
"""
_STARTERS: Final = frozenset(_OPENING_WORDS.split())
_INITIALS: Final = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]|[A-Z]")
_WORD_BEFORE: Final = re.compile(r"[^\s(（\[“‘\"'「,，;；—/]*\Z")
_WORD_AFTER: Final = re.compile(r"[\"'“‘(\[]*([A-Za-z]*)")
_NUMBER_AFTER: Final = re.compile(r"[A-Z]?\d|(?:[VXLC]|[IVXLC]{2,})\b")
_LIST_NUMBER: Final = re.compile(r"[(（#\s]*(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{1,4})")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """``(start, end)`` of each sentence: ordered, disjoint, trimmed, covering all but white space.

    Time is linear in the length of ``text``, whatever it holds.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _boundaries(text):
        piece = text[start:end]
        if body := piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            spans.append((first, first + len(body)))
        start = end
    return spans


def asking_sentences(text: str) -> str:
    """The sentences of ``text`` that end as questions do; the whole where none does.

    "This is Peter. How many days of leave are there?" asks nothing about Peter.
    """
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    return " ".join(s for s in sentences if s.endswith(("?", "？"))) or text


def _boundaries(text: str) -> Iterator[int]:
    for start, end in running_stretches(text):
        begin = start
        for mark in _END_MARKS.finditer(text, start, end):
            if _ends_sentence(text, begin, mark, end):
                begin = mark.end()
                yield begin
        yield end


def _ends_sentence(text: str, begin: int, mark: re.Match[str], end: int) -> bool:
    """Whether ``mark`` ends the sentence that began at ``begin``."""
    after = text[mark.end() : min(end, mark.end() + 40)]
    if not after or after[0] == "》":  # a mark inside 《》 belongs to the title
        return False
    if _FULL_WIDTH.search(mark[0]):
        return True
    if after[0].isspace():
        return _ends_before_space(text, begin, mark, after.lstrip())
    if "…" in mark[0]:
        return "……" in mark[0] or mark[0][-1] != "…"
    if not is_cjk(after[0]) and after[0] not in _OPENING_QUOTES:
        return False
    return "." not in mark[0] or is_cjk(text[mark.start() - 1 : mark.start()])


def _ends_before_space(text: str, begin: int, mark: re.Match[str], after: str) -> bool:
    before = text[max(begin, mark.start() - 24) : mark.start()]
    if not before or before[-1].isspace():  # set apart, as tokenised text has it
        return True
    word = _WORD_BEFORE.search(before)
    if mark[0][0] == "." and word is not None and mark[0].count(".") == 1:
        if mark.start() - begin <= 12 and _LIST_NUMBER.fullmatch(text, begin, mark.start()):
            return False
        verdict = _after_abbreviation(word[0], after)
        if verdict is not None:
            return verdict
    return not after[:1].islower() or _written_in_lower_case(text, begin)


def _after_abbreviation(word: str, after: str) -> bool | None:
    """Whether the full stop after ``word`` ends a sentence; None for an ordinary word."""
    known = word.lower()
    if known in _NEVER_ENDS:
        return False
    if known in _BEFORE_NUMBER and _NUMBER_AFTER.match(after):
        return False
    if _INITIALS.fullmatch(word) and is_cjk(after[:1]):
        return False  # "J. A. 霍布森": Chinese sentences seldom end in a full stop
    if known in _MAY_END or _INITIALS.fullmatch(word):
        return _starts_sentence(after)
    return None


def _starts_sentence(after: str) -> bool:
    word = _WORD_AFTER.match(after)
    first = word[1] if word else ""
    return is_cjk(after[:1]) or (first[:1].isupper() and first.lower() in _STARTERS)


def _written_in_lower_case(text: str, begin: int) -> bool:
    """Whether this sentence began in lower case, so that the next one may as well."""
    return text[begin : begin + 40].lstrip()[:1].islower()
