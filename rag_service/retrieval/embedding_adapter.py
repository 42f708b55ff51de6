"""Any LangChain `Embeddings` as an embedding model of the service.

What such a model does not tell is settled here: the dimension is tried out, vectors are
normalised, every text counts as represented, tokens are estimated (`text.tokens`), and the
model is known to the index by its name, because its weights are out of sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag_service.errors import EmbeddingModelError, RemoteServiceError
from rag_service.retrieval.embedding_model import EmbeddingModel, ModelIdentity, Vector
from rag_service.settings import EmbeddingSettings
from rag_service.text.tokens import estimated_tokens

# What the shortest-sighted of the models in common use read (BERT's position embeddings).
DEFAULT_MAX_TOKENS = 512
_TAKING_A_URL = ("openai:", "ollama:")


class AdaptedEmbeddings:
    """A LangChain `Embeddings` as an `EmbeddingModel`.

    Raises (all that encodes):
        EmbeddingModelError: the vectors are not what they should be.
        RemoteServiceError: the model cannot be asked.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        name: str,
        *,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        query_prefix: str = "",
        passage_prefix: str = "",
    ) -> None:
        """Asks the model once, for its dimension.

        ``name`` is what an index knows the model by: another name, another model.
        ``max_tokens`` is the longest text it reads.
        """
        self._embeddings = embeddings
        self._max_tokens = max_tokens
        self.identity = ModelIdentity(name, "", query_prefix, passage_prefix)
        self.dimension = 0
        probe = self._encode(["dimension"])
        self.dimension = probe.shape[1]

    @property
    def max_tokens(self) -> int:
        return self._max_tokens - estimated_tokens(self.identity.passage_prefix)

    def fingerprint(self) -> dict[str, Any]:
        return self.identity.fingerprint(self.dimension)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Estimates on the safe side."""
        return [estimated_tokens(text) for text in texts]

    def represents(self, texts: Sequence[str]) -> list[bool]:
        return [True] * len(texts)

    def encode_passages(self, texts: Sequence[str]) -> list[Vector | None]:
        """A unit vector ``(dimension,)`` for each text."""
        if not texts:
            return []
        return list(self._encode([self.identity.passage_prefix + text for text in texts]))

    def encode_query(self, text: str) -> Vector | None:
        vector: Vector = self._encode(self.identity.query_prefix + text)[0]
        return vector

    def _encode(self, asked: str | list[str]) -> NDArray[np.float32]:
        """Unit vectors ``(texts, dimension)``: of passages, or of one question."""
        try:
            if isinstance(asked, str):
                answered = [self._embeddings.embed_query(asked)]
            else:
                answered = self._embeddings.embed_documents(asked)
        except Exception as error:  # every provider has its own exceptions
            raise RemoteServiceError(
                f"The embedding model {self.identity.name} failed: {error} "
                "If it is on a server: is that running, and does it know the model?"
            ) from error
        return self._normalised(answered, 1 if isinstance(asked, str) else len(asked))

    def _normalised(self, answered: object, count: int) -> NDArray[np.float32]:
        try:
            vectors = np.asarray(answered, dtype=np.float32)
        except (TypeError, ValueError) as error:  # ragged, or not numbers
            raise self._unfit("no vectors of one length") from error
        if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
            raise self._unfit(f"an array of shape {vectors.shape} for {count} texts")
        if self.dimension and vectors.shape[1] != self.dimension:
            raise self._unfit(f"{vectors.shape[1]} dimensions, and {self.dimension} before")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise self._unfit("a vector without a direction")
        return np.asarray(vectors / norms, dtype=np.float32)

    def _unfit(self, what: str) -> EmbeddingModelError:
        return EmbeddingModelError(
            f"The embedding model {self.identity.name} gave {what}. Choose another model."
        )


def adapted(embeddings: Embeddings | EmbeddingModel) -> EmbeddingModel:
    """Whatever can embed, as the service needs it.

    A bare LangChain object is known by its class and its model's name; `AdaptedEmbeddings`
    takes another name, a longer window and prefixes.
    """
    if isinstance(embeddings, EmbeddingModel):
        return embeddings
    return AdaptedEmbeddings(embeddings, _name_of(embeddings))


def _name_of(embeddings: Embeddings) -> str:
    named = (getattr(embeddings, field, None) for field in ("model", "model_name", "model_id"))
    model = next((name for name in named if isinstance(name, str) and name), None)
    kind = type(embeddings).__name__
    return f"{kind}:{model}" if model else kind


def names_provider(settings: EmbeddingSettings) -> bool:
    """Whether the model is a provider's, and not one on this machine."""
    return bool(settings.base_url) or (":" in settings.model and not Path(settings.model).exists())


def open_provider(settings: EmbeddingSettings) -> AdaptedEmbeddings:
    """The model of a LangChain provider (``provider:name``), or of an OpenAI-compatible URL.

    Raises:
        EmbeddingModelError: the provider is unknown, or its package is not installed.
        RemoteServiceError: it cannot be reached.
    """
    from langchain.embeddings import init_embeddings

    name = _provider_and_model(settings)
    try:
        embeddings = init_embeddings(name, **_options(name, settings))
    except Exception as error:  # every provider's constructor has its own exceptions
        raise EmbeddingModelError(
            f"Embedding model {settings.model!r} cannot be opened: {error} (For an OpenAI-"
            "compatible server: pip install 'local-rag-service[openai]'.)"
        ) from error
    return AdaptedEmbeddings(
        embeddings,
        name,
        max_tokens=settings.max_tokens or DEFAULT_MAX_TOKENS,
        query_prefix=settings.query_prefix or "",
        passage_prefix=settings.passage_prefix or "",
    )


def _provider_and_model(settings: EmbeddingSettings) -> str:
    """With a URL the whole is a name unless a provider that takes one is told: bge-m3:latest."""
    told = settings.model.startswith(_TAKING_A_URL) if settings.base_url else ":" in settings.model
    return settings.model if told else f"openai:{settings.model}"


def _options(name: str, settings: EmbeddingSettings) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if settings.base_url:
        options |= {"base_url": settings.base_url, "api_key": settings.api_key or "none"}
    elif settings.api_key:
        options["api_key"] = settings.api_key
    if name.startswith("openai:"):
        # Else it sends token ids, which other servers do not take, and fetches the tokenizer
        # for them from the network. Chunks are short enough as they are.
        options["check_embedding_ctx_length"] = False
    return options
