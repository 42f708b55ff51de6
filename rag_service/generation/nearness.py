"""How near sentences come to a question in meaning, without running a model over them.

A text is the sum of its tokens' vectors as the embedding model holds them at its input, each
weighted by how rare the token is among the sentences compared (after Arora, Liang and Ma, "A
simple but tough-to-beat baseline for sentence embeddings", ICLR 2017) and freed of what all
tokens have in common (Mu and Viswanath, "All-but-the-top", ICLR 2018). Looking vectors up
takes a few milliseconds where a forward pass over the same sentences takes half a second.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag_service.text.stopwords import ENGLISH_STOP_WORDS

Vectors = NDArray[np.float32]

# Directions that the vectors of all tokens share, as the paper has it for this size: d / 100.
_DIMENSIONS_PER_DIRECTION = 100
_SAMPLED_TOKENS = 8192  # for those directions; more would only take longer
# What a sentence leaves unsaid often stands in the one before it.
_SENTENCE_BEFORE = 0.25
_REMEMBERED_SENTENCES = 16_384  # their tokens, about 500 bytes each
_WORD = re.compile(r"\w+")


@runtime_checkable
class TokenVectors(Protocol):
    """An embedding model that shows what it makes of single tokens. Shared between threads."""

    @property
    def token_table(self) -> Vectors:
        """The vectors at its input, ``(tokens, dimension)``."""

    def tokens(self, text: str) -> list[int]:
        """Rows of the table for ``text``, special tokens left out. Chinese that the model does
        not know is read through the dictionary."""


def nearness_of(model: object) -> Nearness | None:
    """None for a model that keeps its tokens to itself, as one behind an API does."""
    return _made(cast(Hashable, model)) if isinstance(model, TokenVectors) else None


# Once for a model: that takes a moment, and what is made remembers sentences.
@lru_cache(maxsize=4)
def _made(model: Hashable) -> Nearness:
    return Nearness(cast(TokenVectors, model))


class Nearness:
    """Compares sentences with a question. Safe to share between threads."""

    def __init__(self, model: TokenVectors) -> None:
        self._model, self._table = model, model.token_table
        self._mean, self._shared = _in_common(self._table)
        self._tokens = lru_cache(_REMEMBERED_SENTENCES)(self._distinct_tokens)

    def __call__(self, question: str, passages: Sequence[Sequence[str]]) -> list[list[float]]:
        """The cosine, -1..1, of each sentence with the question; ``passages`` are sentences in
        order. Nothing is near where the question has no word that means something."""
        tokens = [self._tokens(sentence) for passage in passages for sentence in passage]
        asked = self._distinct_tokens(question)  # not remembered: it may be long
        if not asked or not tokens:
            return [[0.0] * len(passage) for passage in passages]
        held = Counter(token for sentence in tokens for token in sentence)
        known = {token: row for row, token in enumerate(dict.fromkeys([*asked, *held]))}
        rarity = [math.log((len(tokens) + 1) / (held[token] + 0.5)) for token in known]
        vectors = self._vectors(list(known)) * np.array(rarity, np.float32)[:, None]
        target = _unit(vectors[[known[token] for token in asked]].sum(axis=0))
        sums = (vectors[[known[token] for token in sentence]].sum(axis=0) for sentence in tokens)
        return [_cosines([next(sums) for _ in passage], target) for passage in passages]

    def _distinct_tokens(self, text: str) -> tuple[int, ...]:
        words = _WORD.findall(text.lower())
        told = " ".join(word for word in words if word not in ENGLISH_STOP_WORDS)
        return tuple(dict.fromkeys(self._model.tokens(told)))

    def _vectors(self, tokens: Sequence[int]) -> Vectors:
        vectors = self._table[np.asarray(tokens)] - self._mean
        return _unit(vectors - (vectors @ self._shared.T) @ self._shared)


def _in_common(table: Vectors) -> tuple[Vectors, Vectors]:
    """The mean ``(dimension,)`` and the shared directions ``(directions, dimension)``."""
    step = max(1, len(table) // _SAMPLED_TOKENS)
    sample = np.asarray(table[::step], np.float32)
    mean = sample.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(sample - mean, rowvar=False))  # largest last
    count = max(1, table.shape[1] // _DIMENSIONS_PER_DIRECTION)
    return mean, np.ascontiguousarray(directions.T[-count:], dtype=np.float32)


def _cosines(sums: Sequence[Vectors], target: Vectors) -> list[float]:
    """``sums`` are of a passage's sentences in order."""
    before = [np.zeros_like(target), *sums]
    return [
        float(_unit(own + _SENTENCE_BEFORE * earlier) @ target)
        for own, earlier in zip(sums, before, strict=False)
    ]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
