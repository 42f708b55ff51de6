"""Chinese text in English words, so that the two languages can meet in one index.

A gloss is no translation: word by word the dictionary's senses, grammar left out. It is
index material only and never shown. Traditional is read as Simplified; Latin words and
numbers go through as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rag_service.text.analysis import analyze, analyze_query
from rag_service.text.gloss.definitions import english_senses, pinyin
from rag_service.text.gloss.dictionary import dictionary, dictionary_version
from rag_service.text.gloss.function_words import FUNCTION_WORDS
from rag_service.text.gloss.question_phrases import split_at_phrases
from rag_service.text.gloss.segmentation import segment, with_names
from rag_service.text.language import CJK_CLASS, HAN_CLASS, cjk_share, to_simplified
from rag_service.text.stopwords import drop_chinese_function_words

GLOSS_VERSION: Final = "1"

# Chinese letters among the words of a text from which on it is a Chinese one. The built-in
# model gives up on a text at the same share of its tokens (`embedding.MAX_UNKNOWN_SHARE`).
_CHINESE_SHARE: Final = 0.2
# Kana and Hangul among CJK letters: more is Japanese or Korean, of which Chinese
# definitions would make nonsense.
_MAX_OTHER_SCRIPTS: Final = 0.1

# Senses of a word that a passage is indexed under, and that a question tries; each further
# one of a question counts less. Figures: docs/decisions/0011-crossing-languages.md.
_INDEXED_SENSES: Final = 3
_ASKED_SENSES: Final = 8
_SENSE_DECAY: Final = 0.8
_REMEMBERED_WORDS: Final = 50_000
_REMEMBERED_TEXTS: Final = 4_096
_REMEMBERED_QUESTIONS: Final = 32  # one may be long

_PIECES: Final = re.compile(rf"([{HAN_CLASS}]+)|([^{HAN_CLASS}]+)")
_HAN_LETTER: Final = re.compile(f"[{HAN_CLASS}]")
_CJK_LETTER: Final = re.compile(f"[{CJK_CLASS}]")
_MONTH: Final = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])\s?月(?!份)")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True, slots=True)
class Sense:
    """One way to read a word: its terms (`text.analysis`) and how likely it is, 0..1."""

    terms: tuple[str, ...]
    weight: float


def gloss_version() -> str:
    """What two indexes of glosses must agree on.

    Raises:
        ConfigError: the dictionary is not installed.
    """
    return f"{GLOSS_VERSION}, {dictionary_version()}"


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def is_chinese(text: str) -> bool:
    """Whether ``text`` is one to be glossed: Chinese, alone or among Latin words."""
    if text.isascii() or cjk_share(text) <= _CHINESE_SHARE:
        return False
    cjk = len(_CJK_LETTER.findall(text))
    return cjk - len(_HAN_LETTER.findall(text)) <= _MAX_OTHER_SCRIPTS * cjk


def english_gloss(text: str) -> str:
    """The likeliest sense of each word, for an English embedding model to read."""
    return " ".join(" ".join(_likeliest(*piece).split()) for piece in _pieces(text)).strip()


def english_question(text: str) -> str:
    """The gloss of a question, in which 多少钱 and the like are read as what they ask for."""
    parts = split_at_phrases(to_simplified(text))
    read = (english_gloss(part) or next(iter(meanings), "") for part, meanings in parts)
    return " ".join(filter(None, read))


def gloss_terms(text: str) -> list[str]:
    """The terms a Chinese ``text`` is indexed under for questions in English."""
    terms: list[str] = []
    for word, literal in _pieces(text):
        if literal:
            terms += analyze(literal)
        for sense in _senses(word)[:_INDEXED_SENSES]:
            terms += sense.terms
    return terms


@lru_cache(maxsize=_REMEMBERED_QUESTIONS)
def question_senses(text: str) -> tuple[tuple[Sense, ...], ...]:
    """The words of a Chinese question, each with what it may mean in English."""
    words: list[tuple[Sense, ...]] = []
    for part, meanings in split_at_phrases(to_simplified(text)):
        if meanings:
            words.append(_distinct_senses(meanings))
        for word, literal in _pieces(drop_chinese_function_words(part)):
            if literal:
                words += [(Sense((term,), 1.0),) for term in _terms(literal)]
            if senses := _senses(word):
                words.append(senses)
    return tuple(words)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """``(Chinese word, "")`` and ``("", anything else)``, in order, grammar left out."""
    known = dictionary()
    for run, literal in _PIECES.findall(_with_months(to_simplified(text))):
        if literal:
            yield "", literal
        for word in with_names(segment(run, known), known):
            if word not in FUNCTION_WORDS:
                yield word, ""


def _with_months(text: str) -> str:
    return _MONTH.sub(lambda match: f" {_MONTHS[int(match[1]) - 1]} ", text)


def _likeliest(word: str, literal: str) -> str:
    return literal or next(iter(english_senses(word)), _spelled(word))


@lru_cache(maxsize=_REMEMBERED_WORDS)
def _senses(word: str) -> tuple[Sense, ...]:
    if not word:
        return ()
    return _distinct_senses(english_senses(word) or (_spelled(word),))


def _distinct_senses(phrases: Iterable[str]) -> tuple[Sense, ...]:
    """Likely ones first; those that come to the same terms count once."""
    analysed = dict.fromkeys(terms for phrase in phrases if (terms := _terms(phrase)))
    return tuple(
        Sense(terms, _SENSE_DECAY**n) for n, terms in enumerate(list(analysed)[:_ASKED_SENSES])
    )


def _spelled(word: str) -> str:
    """What nobody has translated, by its sound."""
    return "".join(map(pinyin, word))


def _terms(phrase: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(analyze_query(phrase)))
