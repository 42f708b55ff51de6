"""What the HTTP service and the CLI ask of the core.

``bootstrap.open_service`` and ``bootstrap.open_library`` return objects of these shapes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from rag_service.settings import Settings
from rag_service.types import (
    AnswerEvent,
    CollectionInfo,
    DocumentInfo,
    Filters,
    SearchResult,
    Turn,
    VerifyReport,
)


class Service(Protocol):
    """Searching and answering with models loaded. Every method may be called from any thread.

    Every method raises ``RagError``; an unknown collection is ``CollectionNotFound``.
    """

    settings: Settings

    def search(
        self, query: str, *, collection: str, top_k: int, filters: Filters | None
    ) -> SearchResult:
        """The best passages, best first."""

    def ask(
        self,
        question: str,
        *,
        collection: str,
        top_k: int | None,
        filters: Filters | None,
        history: Sequence[Turn],
        max_tokens: int | None,
        cancelled: threading.Event,
    ) -> Iterator[AnswerEvent]:
        """One ``SourcesEvent``, any number of ``TokenEvent``, one ``DoneEvent``.

        A generator: nothing runs before the first ``next``, and whoever iterates must
        close it from the thread that iterates. Setting ``cancelled`` makes it stop early.
        """

    def collections(self) -> list[CollectionInfo]: ...

    def collection(self, name: str) -> CollectionInfo: ...

    def create_collection(self, name: str) -> CollectionInfo: ...

    def delete_collection(self, name: str) -> None: ...

    def documents(self, collection: str, *, limit: int, offset: int) -> list[DocumentInfo]: ...

    def document(self, collection: str, doc_id: int) -> DocumentInfo: ...

    def readiness(self) -> list[str]:
        """Why questions cannot be answered now; empty means ready."""

    def close(self) -> None:
        """Release the models and files. Called once, after the last other call."""


class Library(Protocol):
    """The stored collections, without any model: what `rag status` and `rag verify` need."""

    def names(self) -> list[str]: ...

    def info(self, name: str) -> CollectionInfo: ...

    def verify(self, name: str) -> VerifyReport: ...
