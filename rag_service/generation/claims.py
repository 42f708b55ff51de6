"""A statement to be checked, and the terms it is looked for by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rag_service.generation.figures import held_figures, stated_figures, without_figures
from rag_service.text.analysis import content_terms
from rag_service.text.gloss.glossing import gloss_terms, is_chinese, question_senses

_REMEMBERED: Final = 4_096
_NOBODYS_NUMBER: Final = "9" * 40


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement to be checked. ``opens``: its first word opens a sentence."""

    text: str
    opens: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """What a claim says, to be looked for: its terms, or words of which any sense will do."""

    plain: frozenset[str]
    words: frozenset[str]  # without the numbers
    senses: tuple[tuple[tuple[frozenset[str], float], ...], ...] = ()

    @staticmethod
    @lru_cache(maxsize=_REMEMBERED)
    def of(text: str, *, crossed: bool) -> Terms:
        if crossed:
            return _terms_across(text)
        terms = content(text)
        return Terms(terms, frozenset(t for t in terms if not any(map(str.isdigit, t))))

    def held(self, terms: frozenset[str]) -> float:
        """Share of them that ``terms`` hold; 0 if there are none."""
        if self.senses:
            return sum(_best_sense(word, terms) for word in self.senses) / len(self.senses)
        return len(self.plain & terms) / len(self.plain) if self.plain else 0.0

    def words_held(self, terms: frozenset[str]) -> float:
        """The same without the numbers."""
        if self.senses:
            return self.held(terms)
        return len(self.words & terms) / len(self.words) if self.words else 0.0


def _best_sense(item: Sequence[tuple[frozenset[str], float]], terms: frozenset[str]) -> float:
    return max(weight * len(sense & terms) / len(sense) for sense, weight in item)


@lru_cache(maxsize=_REMEMBERED)
def content(text: str) -> frozenset[str]:
    """`all_content` of a sentence or two, remembered."""
    return all_content(text)


def _terms_across(text: str) -> Terms:
    """In English, with the numbers by their value."""
    plain = without_figures(text)
    figures = _valued(stated_figures(text))
    if not is_chinese(text):
        return Terms(content(plain) | figures, content(plain))
    read = [
        tuple((frozenset(sense.terms), sense.weight) for sense in word if sense.terms)
        for word in question_senses(plain)
    ]
    counted = [((frozenset((figure,)), 1.0),) for figure in figures]
    return Terms(figures, frozenset(), (*filter(None, read), *counted))


@lru_cache(maxsize=_REMEMBERED)
def terms_across(text: str) -> frozenset[str]:
    """The terms of a source in English, whatever its language, and its numbers by value."""
    plain = without_figures(text)
    words = frozenset(gloss_terms(plain)) if is_chinese(text) else content(plain)
    return words | _valued(held_figures(text))


def _valued(figures: frozenset[str]) -> frozenset[str]:
    return frozenset(f"={figure}" for figure in figures)


def all_content(text: str) -> frozenset[str]:
    """`content_terms` without its way out for texts that hold nothing but function words."""
    return content_terms(f"{text}\n{_NOBODYS_NUMBER}") - {_NOBODYS_NUMBER}
