"""What the service needs of an embedding model, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What makes two models the same for an index.

    ``weights_sha256`` is empty where the weights are not on this machine.
    """

    name: str
    weights_sha256: str
    query_prefix: str
    passage_prefix: str

    def fingerprint(self, dimension: int) -> dict[str, Any]:
        """What an index has to agree on with the model."""
        return {
            "embedding_model": self.name,
            "weights_sha256": self.weights_sha256,
            "dimension": dimension,
            "normalised": True,
            "query_prefix": self.query_prefix,
            "passage_prefix": self.passage_prefix,
        }


@runtime_checkable
class EmbeddingModel(Protocol):
    """Vectors are ``(dimension,)``, float32 and of unit length. Shared between threads."""

    @property
    def identity(self) -> ModelIdentity: ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Longest passage the model reads, special tokens and prefix left out."""

    def fingerprint(self) -> dict[str, Any]:
        """What an index has to agree on with this model."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""

    def represents(self, texts: Sequence[str]) -> list[bool]:
        """Whether the model knows enough of each text for its vector to mean anything."""

    def encode_passages(self, texts: Sequence[str]) -> list[Vector | None]:
        """A vector for each text, None where `represents` says no."""

    def encode_query(self, text: str) -> Vector | None:
        """The question's vector, or None where `represents` says no."""
