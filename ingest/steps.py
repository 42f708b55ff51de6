"""The two steps that every text goes through: its vectors stored, its commit shown to readers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ingest.progress import Progress
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.store.catalog_writer import CatalogWriter
from rag_service.store.collection_writer import CollectionWriter

# Texts embedded between two commits of their vectors: what a kill costs at most.
EMBED_STEP = 64
# Readers are to see a commit within two seconds; publishing costs some 50 ms.
_PUBLISH_AFTER_S = 0.5


class Publisher:
    """Shows readers what was committed, soon but not after every commit."""

    def __init__(self, writer: CollectionWriter) -> None:
        self._writer = writer
        self._waiting_since: float | None = None

    def committed(self) -> None:
        """Something new is in the catalog."""
        self._waiting_since = self._waiting_since or time.monotonic()

    def publish_if_due(self) -> None:
        since = self._waiting_since
        if since is not None and time.monotonic() - since >= _PUBLISH_AFTER_S:
            self.publish()

    def publish(self) -> None:
        if self._waiting_since is not None:
            self._writer.publish()
            self._waiting_since = None


class Embedder:
    """Embeds texts the catalog holds no vector of, and stores the vectors as it goes."""

    def __init__(
        self,
        embeddings: EmbeddingModel,
        catalog: CatalogWriter,
        progress: Progress,
        before_step: Callable[[], None] = lambda: None,
    ) -> None:
        self._embeddings = embeddings
        self._catalog = catalog
        self._progress = progress
        self._before_step = before_step
        self.embedded = 0  # texts that got a vector
        self.reused = 0  # texts whose vector was there already

    def unseen(self, inputs: Mapping[bytes, str]) -> dict[bytes, str]:
        """Those of the texts that have no vector yet, by vector key."""
        known = self._catalog.known_vectors(list(inputs))
        return {key: text for key, text in inputs.items() if key not in known}

    def embed_all(self, inputs: Mapping[bytes, str]) -> None:
        """See that all of the texts have vectors."""
        unseen = self.unseen(inputs)
        self.reused += len(inputs) - len(unseen)
        self.embed(unseen)

    def embed(self, unseen: Mapping[bytes, str]) -> None:
        """Each step is durable before the next begins."""
        # Sorted by length: padding is most of the cost of a mixed batch.
        keys = sorted(unseen, key=lambda key: len(unseen[key]))
        for start in range(0, len(keys), EMBED_STEP):
            step = keys[start : start + EMBED_STEP]
            self._before_step()
            vectors = self._embeddings.encode_passages([unseen[key] for key in step])
            stored: dict[bytes, NDArray[np.floating] | None] = dict(zip(step, vectors, strict=True))
            self._catalog.add_vectors(stored)
            self.embedded += sum(vector is not None for vector in vectors)
            self._progress.embedded(len(step))
