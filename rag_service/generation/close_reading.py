"""How well a sentence takes up the words of a question, each read in its context.

Every word of the question is compared with all words of the sentence, and the nearest one counts
(late interaction: Khattab and Zaharia, "ColBERT", SIGIR 2020; Zhang et al., "BERTScore",
ICLR 2020). The model reads each sentence once, so only the best few are read; `nearness` finds
those without the model. Figures: docs/decisions/0018-extractive-answers.md.
"""

from __future__ import annotations

import math
import string
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag_service.text.stopwords import ENGLISH_STOP_WORDS

Vectors = NDArray[np.float32]

# What a word counts that every sentence read has: little, but more than nothing.
_LEAST_WEIGHT = 0.05


# Tokens by their place in the vocabulary, and their vectors, ``(tokens, dimension)``.
ReadText = tuple[list[int], Vectors]


@runtime_checkable
class TokensInContext(Protocol):
    """An embedding model that shows what it makes of tokens in context. Shared by threads."""

    def tokens(self, text: str) -> list[int]:
        """The tokens of ``text``, special ones left out."""

    def read(self, texts: Sequence[str]) -> list[ReadText]:
        """Each text's tokens, special ones left out, as far as the model reads."""


def close_reading_of(model: object) -> CloseReading | None:
    """None for a model that keeps its tokens to itself, as one behind an API does."""
    return _made(cast(Hashable, model)) if isinstance(model, TokensInContext) else None


@lru_cache(maxsize=4)
def _made(model: Hashable) -> CloseReading:
    return CloseReading(cast(TokensInContext, model))


class CloseReading:
    """Reads a few sentences with a question in mind. Safe to share between threads."""

    def __init__(self, model: TokensInContext) -> None:
        self._model = model
        marks = (*ENGLISH_STOP_WORDS, *string.punctuation, *"？。，、")
        self._empty = frozenset(t for mark in marks for t in _alone(model.tokens(mark)))

    def __call__(self, question: str, sentences: Sequence[str]) -> list[float]:
        """-1..1 for each sentence: the question's words, the rarer the more, by their nearest
        word. All zero where the question has no word that means something."""
        (asked, target), *found = map(_normed, self._model.read([question, *sentences]))
        kept = [n for n, token in enumerate(asked) if token not in self._empty]
        if not kept or not found:
            return [0.0] * len(sentences)
        held = Counter(token for tokens, _ in found for token in set(tokens))
        weights = np.array([_weight(held[asked[n]], len(found)) for n in kept])
        return [
            float(weights @ (target[kept] @ vectors.T).max(axis=1) / weights.sum())
            if tokens
            else 0.0
            for tokens, vectors in found
        ]


def _alone(tokens: list[int]) -> list[int]:
    return tokens if len(tokens) == 1 else []


def _weight(held: int, sentences: int) -> float:
    return max(_LEAST_WEIGHT, math.log((sentences + 1) / (held + 0.5)))


def _normed(text: ReadText) -> ReadText:
    tokens, vectors = text
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return tokens, vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
