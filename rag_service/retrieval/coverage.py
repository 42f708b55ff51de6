"""How much of a question a passage, and one sentence of it, covers.

The share, weighted by IDF, of the question's terms that stand in the passage and in its
best sentence. It needs no model and works in both languages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from rag_service.text.analysis import content_terms
from rag_service.text.sentences import sentence_spans
from rag_service.types import Chunk

# Passages are immutable, so their terms are kept: about 10 kB each.
_REMEMBERED_PASSAGES = 4096


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares in 0..1 of the question's terms, weighted by IDF."""

    passage: float
    sentence: float

    @property
    def mean(self) -> float:
        return (self.passage + self.sentence) / 2


@dataclass(frozen=True, slots=True)
class _PassageTerms:
    passage: frozenset[str]  # with its context: title, headings, table header
    sentences: tuple[frozenset[str], ...]  # each with that context


class QuestionTerms:
    """The terms of one question and how much each of them says."""

    def __init__(self, question: str, idf: Callable[[str], float]) -> None:
        self._weights = {term: idf(term) for term in content_terms(question)}
        self._total = sum(self._weights.values())

    def coverage(self, chunk: Chunk) -> Coverage:
        """How much of the question the chunk covers; nothing if the question is empty."""
        terms = _terms_of(chunk.context, chunk.text)
        best = max((self._share(sentence) for sentence in terms.sentences), default=0.0)
        return Coverage(self._share(terms.passage), best)

    def _share(self, held: frozenset[str]) -> float:
        if not self._total:
            return 0.0
        covered = sum(weight for term, weight in self._weights.items() if term in held)
        return covered / self._total


@lru_cache(maxsize=_REMEMBERED_PASSAGES)
def _terms_of(context: str, text: str) -> _PassageTerms:
    shared = content_terms(context)
    sentences = tuple(content_terms(text[a:b]) | shared for a, b in sentence_spans(text))
    return _PassageTerms(frozenset[str]().union(shared, *sentences), sentences)
