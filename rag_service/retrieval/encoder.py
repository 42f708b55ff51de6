"""A sentence-transformers model as the service uses it: texts in, vectors out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from rag_service.errors import EmbeddingModelError
from rag_service.retrieval.embedding_model import Vector
from rag_service.retrieval.vocabulary import Vocabulary


class Encoder:
    """Vectors are float32. Safe to share between threads."""

    def __init__(self, model: Any) -> None:
        """
        Raises:
            EmbeddingModelError: its tokenizer cannot be used.
        """
        self._model = model
        self._lock = threading.Lock()  # fast tokenizers refuse concurrent use
        self.dimension = int(model.get_embedding_dimension())
        self.max_tokens = int(model.max_seq_length)
        try:
            self.vocabulary = Vocabulary(model.tokenizer)
        except ValueError as error:
            raise EmbeddingModelError(
                f"The embedding model cannot be used: {error}. Choose one that has."
            ) from error

    @property
    def token_table(self) -> Vector:
        """The vectors of single tokens at the model's input, ``(tokens, dimension)``."""
        table = self._model[0].auto_model.get_input_embeddings().weight
        return np.asarray(table.detach().float().cpu().numpy(), dtype=np.float32)

    def encode(self, texts: Sequence[str], batch_size: int) -> Vector:
        """Vectors of unit length, ``(texts, dimension)``."""
        if len(texts) == 1:
            return self._encode_one(texts[0])
        with self._lock:
            vectors = self._model.encode(
                list(texts),
                batch_size=batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)

    def _encode_one(self, text: str) -> Vector:
        """As the library does it, but the questions of several clients are read side by side."""
        import torch

        with torch.inference_mode():
            with self._lock:
                features = self._model.preprocess([text])
            on_device = {
                name: value.to(self._model.device) if isinstance(value, torch.Tensor) else value
                for name, value in features.items()
            }
            vectors = self._model(on_device)["sentence_embedding"]
            unit = torch.nn.functional.normalize(vectors, p=2, dim=1)
            return np.asarray(unit.float().cpu().numpy(), dtype=np.float32)

    def read(self, texts: Sequence[str], max_tokens: int) -> list[tuple[list[int], Vector]]:
        """The tokens of each text but for special ones, with their vectors in context."""
        import torch

        with torch.inference_mode():
            with self._lock:
                batch = self._model.tokenizer(
                    list(texts),
                    padding=True,
                    truncation=True,
                    max_length=max_tokens,
                    return_special_tokens_mask=True,
                    return_tensors="pt",
                )
            own = (batch.pop("special_tokens_mask") == 0).numpy()  # padding is special too
            states = self._model[0].auto_model(**batch.to(self._model.device)).last_hidden_state
            vectors = states.float().cpu().numpy()
        tokens = batch["input_ids"].cpu().numpy()
        return [
            (ids[kept].tolist(), rows[kept])
            for ids, rows, kept in zip(tokens, vectors, own, strict=True)
        ]
