"""The embedding models of one process: that of the settings, and those collections were built with.

A collection is searched, and added to, with the model that made its vectors. The settings name
the model of new collections and of rebuilt ones.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rag_service.errors import EmbeddingModelError
from rag_service.models.local import located_embedding
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.model_files import display_name
from rag_service.settings import EmbeddingSettings
from rag_service.store.catalog import Catalog
from rag_service.store.collection_writer import check_fingerprint

OpenModel = Callable[[EmbeddingSettings], EmbeddingModel]

log = logging.getLogger(__name__)


class ModelShelf:
    """Models by what they made. Safe to share between threads; loading takes seconds."""

    def __init__(
        self,
        settings: EmbeddingSettings,
        models: Path,
        open_model: OpenModel,
        configured: EmbeddingModel | None = None,
    ) -> None:
        """``models`` is the folder of fetched models; ``configured`` that of the settings, if it
        is loaded already."""
        self._settings = settings
        self._models = models
        self._open = open_model
        self._configured = configured
        self._others: list[EmbeddingModel] = []
        self._lock = threading.RLock()

    @property
    def configured(self) -> EmbeddingModel:
        """The model that the settings name.

        Raises:
            EmbeddingModelError: it cannot be loaded.
        """
        with self._lock:
            if self._configured is None:
                self._configured = self._open(self._settings)
            return self._configured

    def is_configured(self, model: EmbeddingModel) -> bool:
        """Whether it is the one that the settings name."""
        return model is self._configured

    def loaded(self, stored: Mapping[str, Any]) -> EmbeddingModel | None:
        """The model with which an index of this fingerprint was made, if it is in memory."""
        held = [self._configured] if self._configured else []
        return next((model for model in [*held, *self._others] if _made(model, stored)), None)

    def matching(self, collection: str, catalog: Catalog) -> EmbeddingModel:
        """The model with which a collection's vectors were made.

        Raises:
            IndexMismatch: it is not on this machine, and the settings name another.
        """
        with self._lock:
            found = self.loaded(catalog.fingerprint) or self._found(catalog)
            if found is None:
                check_fingerprint(collection, catalog.fingerprint, self.configured.fingerprint())
                return self.configured
            return found

    def _found(self, catalog: Catalog) -> EmbeddingModel | None:
        stored = catalog.fingerprint
        is_named = stored.get("embedding_model") == display_name(self._settings.model)
        if is_named and _made(self.configured, stored):
            return self.configured
        for settings in self._candidates(stored, catalog.model_folder()):
            try:
                model = self._open(settings)
            except EmbeddingModelError as error:
                log.info("%s", error)
                continue
            if _made(model, stored):
                self._others.append(model)
                return model
        return None

    def _candidates(self, stored: Mapping[str, Any], folder: str) -> Iterator[EmbeddingSettings]:
        """Where the model may be: where it lay, or under its name."""
        name = str(stored.get("embedding_model", ""))
        if not name or ":" in name:  # a provider's: that one is reached is for the settings to say
            return
        own = {
            "base_url": None,
            "query_prefix": stored.get("query_prefix"),
            "passage_prefix": stored.get("passage_prefix"),
        }
        if "gloss" in stored:
            own["gloss"] = "auto" if stored["gloss"] else "off"
        if folder and Path(folder).is_dir():
            yield self._settings.model_copy(update={**own, "model": folder})
        by_name = self._settings.model_copy(update={**own, "model": name})
        yield located_embedding(by_name, self._models)


def _made(model: EmbeddingModel, stored: Mapping[str, Any]) -> bool:
    """Whether vectors of an index with this fingerprint are of this model."""
    return all(stored.get(key) == value for key, value in model.fingerprint().items())
