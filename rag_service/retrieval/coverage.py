"""How much of a question a passage, and one sentence of it, covers.

The share, weighted by IDF, of the question's terms that stand in the passage and in its
best sentence. It needs no model and works in both languages; between them, the dictionary's
gloss of the Chinese side is compared with the English side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rag_service.text.analysis import analyze, content_terms
from rag_service.text.gloss.glossing import gloss_terms, is_chinese
from rag_service.text.sentences import sentence_spans
from rag_service.text.term_shares import Idf, SenseShare, share_across, term_share
from rag_service.types import Chunk

# Passages are immutable, so their terms are kept: about 10 kB each.
_REMEMBERED_PASSAGES = 4096

Share = Callable[[frozenset[str]], float]


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

    def covered(self, share: Share) -> Coverage:
        best = max((share(sentence) for sentence in self.sentences), default=0.0)
        return Coverage(share(self.passage), best)


class QuestionTerms:
    """The terms of one question and how much each of them says."""

    def __init__(self, question: str, idf: Idf, idf_in_english: Idf | None = None) -> None:
        """``idf_in_english`` is that of English terms where Chinese passages count by their
        gloss; None: a passage in the other language is taken as it stands."""
        self._question = question
        self._idf_in_english = idf_in_english
        self._own = term_share(question, content_terms, idf)
        self._is_chinese = is_chinese(question)

    @cached_property
    def _across(self) -> SenseShare | None:
        # Made when a passage is in the other language: it may have to load the dictionary.
        idf = self._idf_in_english
        return None if idf is None else share_across(self._question, idf)

    def coverage(self, chunk: Chunk) -> Coverage:
        """How much of the question the chunk covers; nothing if the question is empty."""
        own = _terms_of(chunk.context, chunk.text).covered(self._own.of)
        passage_is_chinese = is_chinese(chunk.text)
        if passage_is_chinese == self._is_chinese or self._across is None:
            return own
        terms = (_gloss_of if passage_is_chinese else _terms_of)(chunk.context, chunk.text)
        across = terms.covered(self._across.of)
        return Coverage(
            max(own.passage, across.passage),
            max(own.sentence, across.sentence),
        )


def passage_terms(chunk: Chunk) -> frozenset[str]:
    """The content terms of a chunk and its context."""
    return _terms_of(chunk.context, chunk.text).passage


@lru_cache(maxsize=_REMEMBERED_PASSAGES)
def _terms_of(context: str, text: str) -> _PassageTerms:
    shared = frozenset(analyze(context))
    sentences = tuple(shared.union(analyze(text[a:b])) for a, b in sentence_spans(text))
    return _PassageTerms(frozenset[str]().union(shared, *sentences), sentences)


@lru_cache(maxsize=_REMEMBERED_PASSAGES)
def _gloss_of(context: str, text: str) -> _PassageTerms:
    """The English terms of a Chinese passage."""
    shared = frozenset(gloss_terms(context))
    sentences = tuple(shared.union(gloss_terms(text[a:b])) for a, b in sentence_spans(text))
    return _PassageTerms(frozenset[str]().union(shared, *sentences), sentences)
