"""What the HTTP service and the CLI ask of the core.

``bootstrap.open_service`` and ``bootstrap.open_library`` return objects of these shapes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from rag_service.collection_types import CollectionInfo, DocumentInfo, FailedFile, VerifyReport
from rag_service.filters import Filters
from rag_service.search_types import SearchResult
from rag_service.settings import Settings
from rag_service.store.jobs import JobStore
from rag_service.store.jobs_schema import Job
from rag_service.store.uploads import Upload
from rag_service.types import AnswerEvent, Turn


class Service(Protocol):
    """Searching and answering with models loaded. Every method may be called from any thread.

    Every method raises ``RagError``; an unknown collection is ``CollectionNotFound``.
    """

    settings: Settings
    jobs: JobStore  # of the same data folder; the worker takes them from there

    @property
    def embedding_model(self) -> str:
        """Name of the model that questions are embedded with."""

    @property
    def reranker(self) -> str | None:
        """Name of the cross-encoder that reorders candidates, None if there is none."""

    @property
    def chat_model(self) -> str | None:
        """Name of the model that writes answers; None: they are extractive."""

    @property
    def own_prompts(self) -> tuple[str, ...]:
        """Names of the prompt files that are the user's own, not built in."""

    @property
    def chat_setup(self) -> str:
        """What runs that model, and how; "" without one."""

    def search(
        self,
        query: str,
        *,
        collection: str,
        top_k: int,
        filters: Filters | None,
        explain: bool = False,
    ) -> SearchResult:
        """The best passages, best first; ``explain``: with a trace of how they were found."""

    def ask(
        self,
        question: str,
        *,
        collection: str,
        top_k: int | None,
        filters: Filters | None,
        history: Sequence[Turn],
        max_tokens: int | None,
        temperature: float | None = None,
        seed: int | None = None,
        cancelled: threading.Event,
    ) -> Iterator[AnswerEvent]:
        """One ``SourcesEvent``, any number of ``TokenEvent``, one ``DoneEvent``.

        ``QueuedEvent`` may come before the first ``TokenEvent``, ``ReasoningEvent`` too.

        A generator: nothing runs before the first ``next``, and whoever iterates must
        close it from the thread that iterates. Setting ``cancelled`` makes it stop early.
        """

    def collections(self) -> list[CollectionInfo]: ...

    def collection(self, name: str) -> CollectionInfo: ...

    def create_collection(self, name: str) -> CollectionInfo: ...

    def delete_collection(self, name: str) -> None: ...

    def documents(self, collection: str, *, limit: int, offset: int) -> list[DocumentInfo]: ...

    def document(self, collection: str, doc_id: int) -> DocumentInfo: ...

    def upload(self, collection: str) -> Upload:
        """Where files for a collection arrive; the caller enters it, fills it and accepts it."""

    def accept(self, upload: Upload) -> Job:
        """Put what has arrived in place, and ask the worker to take it in."""

    def delete_document(self, collection: str, doc_id: int) -> Job:
        """Remove an uploaded file, and ask the worker to take it out.

        Raises:
            NotUploaded: the document is a file of a folder on this machine.
        """

    def job(self, job_id: str) -> Job:
        """One job; of one that is running, also what is in the collection already.

        Raises:
            JobNotFound
        """

    def readiness(self) -> list[str]:
        """Why questions cannot be answered now; empty means ready."""

    def close(self) -> None:
        """Release the models and files. Called once, after the last other call."""


class Library(Protocol):
    """The stored collections, without any model: what `rag status` and `rag verify` need."""

    def names(self) -> list[str]: ...

    def info(self, name: str) -> CollectionInfo: ...

    def failed_files(self, name: str) -> list[FailedFile]: ...

    def verify(self, name: str) -> VerifyReport: ...
