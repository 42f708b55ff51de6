"""An embedding model without Chinese, made to read it through a dictionary.

Chinese passages and questions are embedded as their English gloss, so that both languages
meet in the model's one space. What is stored and shown is the original text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from langchain_core.embeddings import Embeddings

from rag_service.retrieval.embedding_model import EmbeddingModel, Vector
from rag_service.retrieval.vocabulary import CHINESE_PROBE
from rag_service.text.gloss.glossing import (
    english_gloss,
    english_question,
    gloss_version,
    is_chinese,
)

# In a collection's fingerprint: by what its Chinese texts were glossed, "" if by nothing.
GLOSS_KEY: Final = "gloss"


class LangChainModel(EmbeddingModel, Protocol):
    """A model that is LangChain's as well."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]: ...

    def embed_query(self, text: str) -> list[float]: ...

    @property
    def token_table(self) -> Vector: ...

    def tokens(self, text: str) -> list[int]: ...

    def read(self, texts: Sequence[str]) -> list[tuple[list[int], Vector]]: ...


class GlossedEmbeddings(Embeddings):
    """``model`` with Chinese read as English words. Safe to share between threads."""

    def __init__(self, model: LangChainModel, *, gloss: bool = True) -> None:
        """``gloss``: False only says in the fingerprint that Chinese goes without.

        Raises:
            ConfigError: the dictionary is not installed.
        """
        self._model = model
        self.identity = model.identity
        self.dimension = model.dimension
        self._version = gloss_version() if gloss else ""

    @property
    def max_tokens(self) -> int:
        """Longest passage the model reads, special tokens and prefix left out."""
        return self._model.max_tokens

    def fingerprint(self) -> dict[str, Any]:
        """What an index has to agree on with this model and the dictionary."""
        return {**self._model.fingerprint(), GLOSS_KEY: self._version}

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as it stands; of a Chinese one its gloss has about as many."""
        return self._model.count_tokens(texts)

    @property
    def token_table(self) -> Vector:
        """The vectors of single tokens at the model's input, ``(tokens, dimension)``."""
        return self._model.token_table

    def tokens(self, text: str) -> list[int]:
        """Rows of the table for ``text``, or for its gloss."""
        return self._model.tokens(self._read([text])[0])

    def read(self, texts: Sequence[str]) -> list[tuple[list[int], Vector]]:
        """The tokens of each text, or of its gloss, and what the model makes of them there."""
        return self._model.read(self._read(texts))

    def represents(self, texts: Sequence[str]) -> list[bool]:
        """Whether the model knows enough of each text, or of its gloss."""
        return self._model.represents(self._read(texts))

    def encode_passages(self, texts: Sequence[str]) -> list[Vector | None]:
        """A vector for each text, None where `represents` says no."""
        return self._model.encode_passages(self._read(texts))

    def encode_query(self, text: str) -> Vector | None:
        """The question's vector, or None where `represents` says no."""
        return self._model.encode_query(self._read_question(text))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's interface: every text gets a vector, meaningful or not."""
        return self._model.embed_documents(self._read(texts))

    def embed_query(self, text: str) -> list[float]:
        return self._model.embed_query(self._read_question(text))

    def _read_question(self, text: str) -> str:
        if not self._version or not is_chinese(text):
            return text
        return english_question(text) or text

    def _read(self, texts: Sequence[str]) -> list[str]:
        if not self._version:
            return list(texts)
        return [english_gloss(text) or text if is_chinese(text) else text for text in texts]


def with_gloss(model: LangChainModel, *, gloss: bool) -> EmbeddingModel:
    """The model itself if it knows Chinese, else with a gloss, or with a note that there is none.

    Raises:
        ConfigError: the dictionary is wanted and not installed.
    """
    if model.represents([CHINESE_PROBE])[0]:
        return model
    return GlossedEmbeddings(model, gloss=gloss)
