"""An embedding model that costs nothing, so that kills land in what the harness is about."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.retrieval.embedding_model import ModelIdentity, Vector
from rag_service.text.language import is_cjk

_DIMENSION = 64
_TOKEN = re.compile(r"[^\W\u2e80-\U0003ffff]+|[\u2e80-\U0003ffff]|[^\w\s]")
_WORD = re.compile(r"[a-z]+")


class WordHashes(LocalEmbeddings):
    """How often words occur, by their hashes. Knows no Chinese, like the built-in model."""

    read = None  # type: ignore[assignment]  # it has no vectors of single words to show

    def __init__(self, on_texts: Callable[[int], None] = lambda _: None) -> None:
        """``on_texts`` is told how many texts have just got a vector, or had none to get."""
        self._on_texts = on_texts
        self.identity = ModelIdentity("word-hashes", "none", "", "")
        self.dimension = _DIMENSION

    @property
    def max_tokens(self) -> int:
        return 254

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_TOKEN.findall(text)) for text in texts]

    def represents(self, texts: Sequence[str]) -> list[bool]:
        return [5 * sum(map(is_cjk, text)) <= len(text) for text in texts]

    def encode_passages(self, texts: Sequence[str]) -> list[Vector | None]:
        vectors = super().encode_passages(texts)
        self._on_texts(len(texts))
        return vectors

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), _DIMENSION), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                row[zlib.crc32(word.encode()) % _DIMENSION] += 1
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float32)
