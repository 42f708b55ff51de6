"""Collections with the models that their vectors were made with, followed without a gap.

When a collection turns up in a generation of another model, what was there before goes on being
served until that model is loaded.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from rag_service.errors import CollectionNotFound, RagError
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.model_shelf import ModelShelf
from rag_service.store.collection import Collection, CollectionView
from rag_service.store.library import Library

# A model that could not be loaded is looked for again after so long: it may have been fetched.
_RETRY_AFTER_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A collection as it is searched."""

    collection: Collection
    embeddings: EmbeddingModel


@dataclass(slots=True)
class _Change:
    """Another model on its way for a collection; ``failed_at`` once it has failed (monotonic)."""

    collection: Collection
    error: RagError | None = None
    failed_at: float = 0.0


class ServedCollections:
    """Opens collections of a library. Safe to share between threads."""

    def __init__(self, library: Library, models: ModelShelf) -> None:
        self._library = library
        self._models = models
        self._served: dict[str, Served] = {}
        self._changes: dict[str, _Change] = {}
        self._lock = threading.Lock()

    def view(self, name: str) -> tuple[EmbeddingModel, CollectionView]:
        """The newest state of a collection, and the model that questions to it are embedded with.

        Raises: see `open`.
        """
        served = self.open(name)
        view = served.collection.view()
        if not view.revision and served.collection.is_replaced():
            # It was removed between opening it and reading its indexes.
            served = self.open(name)
            view = served.collection.view()
        return served.embeddings, view

    def open(self, name: str) -> Served:
        """The newest generation whose model is there.

        Raises:
            CollectionNotFound, InvalidCollectionName
            IndexMismatch: the model is not on this machine.
        """
        try:
            newest = self._library.open(name)
        except CollectionNotFound:
            self.forget(name)
            raise
        model = self._models.loaded(newest.catalog.fingerprint)
        if model is None:
            held = self._served.get(name)
            if held is not None:
                return self._meanwhile(held, newest)
            model = self._models.matching(name, newest.catalog)
        return self._serve(Served(newest, model))

    def forget(self, name: str) -> None:
        """A collection was deleted; one that is made under its name is another."""
        with self._lock:
            self._served.pop(name, None)
            self._changes.pop(name, None)

    def _serve(self, served: Served) -> Served:
        name = served.collection.home.name
        with self._lock:
            self._changes.pop(name, None)
            self._served[name] = served
        return served

    def _meanwhile(self, held: Served, newest: Collection) -> Served:
        """What is served until the model of the newest generation is loaded."""
        name = newest.home.name
        with self._lock:
            change = self._changes.get(name)
            if change is None or _may_be_tried_again(change, newest):
                change = self._changes[name] = _Change(newest)
                threading.Thread(target=self._load, args=(change,), daemon=True).start()
        if change.error:
            raise change.error
        return held

    def _load(self, change: _Change) -> None:
        collection = change.collection
        try:
            model = self._models.matching(collection.home.name, collection.catalog)
            collection.view()  # what its first question would wait for
            model.encode_passages(["warm up"])
        except RagError as error:
            log.warning("%s", error)
            change.failed_at = time.monotonic()
            change.error = error


def _may_be_tried_again(change: _Change, newest: Collection) -> bool:
    if change.error is None:
        return change.collection.generation != newest.generation
    return time.monotonic() - change.failed_at > _RETRY_AFTER_S
