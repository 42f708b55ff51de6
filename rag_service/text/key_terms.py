"""The words of a question that say what it is about, as they stand in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from rag_service.text.analysis import analyze
from rag_service.text.gloss.dictionary import dictionary
from rag_service.text.gloss.function_words import FUNCTION_WORDS
from rag_service.text.gloss.segmentation import segment, with_names
from rag_service.text.language import CJK_CLASS, simplified_by_character
from rag_service.text.stopwords import ENGLISH_STOP_WORDS, drop_chinese_function_words

_PIECES: Final = re.compile(
    rf"(?P<cjk>[{CJK_CLASS}]+)"
    rf"|(?P<word>[^\W_{CJK_CLASS}]+(?:[-./_'’@&+#%]+[^\W_{CJK_CLASS}]+)*(?:\+\+|#|%)?)"
)
# Question words that the dictionary has as words of their own.
_ASKING: Final = frozenset(
    ["何时", "何地", "何人", "何处", "何种", "多久", "多长", "多大", "多高", "多远", "几时", "哪年"]
)
# What "how many" and "what's" leave over.
_FRAMING_WORDS: Final = "many much more most long old far often what's who's where's"
_FRAMING: Final = frozenset(_FRAMING_WORDS.split())


@dataclass(frozen=True, slots=True)
class KeyTerm:
    """``surface`` is cut from the question; documents that hold it are indexed under all
    tokens of one of its ``readings``."""

    surface: str
    readings: tuple[tuple[str, ...], ...]

    def stands_in(self, occurs: Callable[[str], bool]) -> bool:
        """Whether documents may hold it, given which tokens do."""
        return any(all(map(occurs, tokens)) for tokens in self.readings)


def key_terms(question: str) -> list[KeyTerm]:
    """In order, none twice; grammar, and Chinese words of one letter, are left out."""
    found: dict[str, KeyTerm] = {}
    for piece in _PIECES.finditer(question):
        terms = _chinese_words(piece[0]) if piece["cjk"] else _word(piece[0])
        for term in terms:
            found.setdefault(term.surface.casefold(), term)
    return list(found.values())


def _word(word: str) -> Iterator[KeyTerm]:
    whole, *parts = analyze(word) or [""]
    if whole and word.lower() not in ENGLISH_STOP_WORDS | _FRAMING:
        yield KeyTerm(word, ((whole,), tuple(parts)) if parts else ((whole,),))


def _chinese_words(run: str) -> Iterator[KeyTerm]:
    """Words of the dictionary, and names that it lacks, in the script of the question."""
    at = 0
    for word in _words(_simplified(run)):
        surface, at = run[at : at + len(word)], at + len(word)
        if len(word) > 1 and not _is_grammar(word):
            yield KeyTerm(surface, (tuple(pair for pair in analyze(word) if len(pair) > 1),))


def _words(run: str) -> Iterator[str]:
    """Letters that stand alone side by side are a word that the dictionary does not have."""
    known = dictionary()
    words = with_names(segment(run, known), known)
    for alone, group in groupby(words, lambda word: len(word) == 1 and not _is_grammar(word)):
        letters = list(group)
        yield from ["".join(letters)] if alone else letters


def _simplified(run: str) -> str:
    """Letter by letter, so that places stay what they are."""
    table = simplified_by_character()
    return "".join(table.get(ord(letter), letter)[:1] for letter in run)


def _is_grammar(word: str) -> bool:
    return (
        word in FUNCTION_WORDS or word in _ASKING or not drop_chinese_function_words(word).strip()
    )
