"""Everything the service does for a caller, over the collections of one data folder."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rag_service.answering import Answerer, Corpus
from rag_service.collection_types import CollectionInfo, DocumentInfo
from rag_service.errors import NotUploaded, RagError
from rag_service.filters import Filters
from rag_service.generation.backend import ChatBackend
from rag_service.generation.close_reading import close_reading_of
from rag_service.generation.nearness import nearness_of
from rag_service.generation.prompts import PromptLibrary
from rag_service.generation.question import Question
from rag_service.retrieval.calibration_file import Calibrations
from rag_service.retrieval.retriever import HybridSearch
from rag_service.retrieval.served import ServedCollections
from rag_service.search_types import SearchResult
from rag_service.settings import Settings
from rag_service.store.catalog import Catalog
from rag_service.store.collection import CollectionView
from rag_service.store.jobs import JobStore
from rag_service.store.jobs_schema import Job, JobFile
from rag_service.store.library import Library
from rag_service.store.uploads import Upload, as_indexed, remove_upload, uploads_root
from rag_service.types import AnswerEvent, Turn

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

log = logging.getLogger(__name__)


class Service:
    """Searching and answering over the collections of one data folder.

    Safe to share between threads. Every method raises `RagError`.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        served: ServedCollections,
        search: HybridSearch,
        prompts: PromptLibrary,
        chat: ChatBackend | None,
    ) -> None:
        self.settings = settings
        self.jobs = JobStore(settings.data_dir)
        self._library = library
        self._fingerprint = search.embeddings.fingerprint()
        self._hybrid = search
        self._served = served
        self._prompts = prompts
        self._calibrations = Calibrations()
        self._answerer = Answerer(
            prompts, chat, settings.answer.min_confidence, settings.chat.unsupported
        )
        self._chat = chat

    @property
    def embedding_model(self) -> str:
        return str(self._fingerprint["embedding_model"])

    @property
    def reranker(self) -> str | None:
        return self._hybrid.reranker.name if self._hybrid.reranker else None

    @property
    def chat_model(self) -> str | None:
        return self._chat.name if self._chat else None

    @property
    def own_prompts(self) -> tuple[str, ...]:
        """The prompt files that are the user's own."""
        return self._prompts.files.own

    @property
    def chat_setup(self) -> str:
        """What runs the chat model, and how; "" without one."""
        return self._chat.setup if self._chat else ""

    def search(
        self,
        query: str,
        *,
        collection: str,
        top_k: int,
        filters: Filters | None = None,
        explain: bool = False,
    ) -> SearchResult:
        """The best passages, best first; ``explain``: with a trace of how they were found."""
        hybrid, view = self._opened(collection)
        return hybrid.search(view, query, top_k=top_k, filters=filters, explain=explain)

    def ask(
        self,
        question: str,
        *,
        collection: str,
        top_k: int | None = None,
        filters: Filters | None = None,
        history: Sequence[Turn] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        cancelled: threading.Event | None = None,
    ) -> Iterator[AnswerEvent]:
        """One SourcesEvent, TokenEvents, one DoneEvent; `Answerer.ask` tells of the others."""
        hybrid, view = self._opened(collection)
        limit = self.settings.chat.max_tokens
        asked = Question(
            text=question,
            collection=collection,
            top_k=top_k or self.settings.retrieval.top_k,
            max_tokens=min(max_tokens or limit, limit),
            filters=filters,
            history=tuple(history),
            temperature=temperature,
            seed=seed,
            deadline=time.monotonic() + self.settings.chat.deadline_s,
            cancelled=cancelled or threading.Event(),
        )
        yield from self._answerer.ask(asked, self._corpus(hybrid, view, collection))

    def retriever(self, collection: str, *, top_k: int | None = None) -> BaseRetriever:
        """A LangChain retriever over one collection; it follows new documents."""
        from rag_service.retrieval.langchain import CollectionRetriever  # 0.6 s

        def search(query: str, k: int, filters: Filters | None) -> SearchResult:
            return self.search(query, collection=collection, top_k=k, filters=filters)

        return CollectionRetriever(search=search, top_k=top_k or self.settings.retrieval.top_k)

    def collections(self) -> list[CollectionInfo]:
        """Those that can be opened; `readiness` says what is wrong with the others."""
        found: list[CollectionInfo] = []
        for name in self._library.names():
            try:
                found.append(self._library.info(name))
            except RagError as error:
                log.warning("Collection %s cannot be listed: %s", name, error)
        return found

    def collection(self, name: str) -> CollectionInfo:
        return self._library.info(name)

    def create_collection(self, name: str) -> CollectionInfo:
        return self._library.create(name, self._fingerprint)

    def delete_collection(self, name: str) -> None:
        self._library.delete(name)  # the uploads lie within, and go with it
        self._served.forget(name)
        self.jobs.abandon(name)

    def documents(self, collection: str, *, limit: int, offset: int) -> list[DocumentInfo]:
        return self._library.open(collection).catalog.documents(limit=limit, offset=offset)

    def document(self, collection: str, doc_id: int) -> DocumentInfo:
        return self._library.open(collection).catalog.document(doc_id)

    def upload(self, collection: str) -> Upload:
        return Upload(self._library.home(collection))

    def accept(self, upload: Upload) -> Job:
        """Put what has arrived in place, and ask the worker to take it in."""
        upload.place()
        return self.jobs.add(upload.collection, "upload", upload.files)

    def delete_document(self, collection: str, doc_id: int) -> Job:
        """Remove an uploaded file, and ask the worker to take it out."""
        home, catalog = self._library.home(collection), self._library.open(collection).catalog
        source = catalog.document(doc_id).source
        uploaded = catalog.known_documents(uploads_root(home)).get(source)
        if uploaded is None or uploaded.doc_id != doc_id:
            raise NotUploaded(
                f"Document {doc_id} ({source}) was read from a folder on this machine, which the "
                "collection mirrors. Remove the file there and run rag ingest again."
            )
        remove_upload(home, source)
        return self.jobs.add(collection, "delete", [JobFile(source, doc_id=doc_id)])

    def job(self, job_id: str) -> Job:
        """One job; of one that is running, also what is in the collection already."""
        job = self.jobs.get(job_id)
        if job.status != "running" or job.kind != "upload":
            return job
        try:
            home = self._library.home(job.collection)
            catalog = self._library.open(job.collection).catalog
            files = tuple(_as_it_stands(job.files, catalog, uploads_root(home)))
        except RagError:  # the job will end with it
            return job
        return replace(job, files=files)

    def readiness(self) -> list[str]:
        """Why a question might not be answered now; empty when all is well."""
        reasons: list[str] = []
        for name in self._library.names():
            try:
                info, (_, view) = self._library.info(name), self._opened(name)
            except RagError as error:
                reasons.append(str(error))
                continue
            if info.documents and not view.revision:
                reasons.append(f"Collection {name!r} is not indexed: run rag ingest again.")
        return reasons

    def close(self) -> None:
        if self._chat:
            self._chat.close()
        self._library.close()
        self.jobs.close()

    def _opened(self, collection: str) -> tuple[HybridSearch, CollectionView]:
        """A collection at one moment, and the search with the model it was built with."""
        model, view = self._served.view(collection)
        return replace(self._hybrid, embeddings=model), view

    def _corpus(self, hybrid: HybridSearch, view: CollectionView, collection: str) -> Corpus:
        def search(query: str, top_k: int, filters: Filters | None) -> SearchResult:
            return hybrid.search(view, query, top_k=top_k, filters=filters)

        home = self._library.home(collection)
        used = self._calibrations.of(home, view.catalog.fingerprint)
        return Corpus(
            search,
            view.idf,
            view.idf_in_english,
            view.occurs,
            used.calibration,
            (used.note,) if used.note else (),
            embed=hybrid.embeddings.encode_passages,
            nearness=nearness_of(hybrid.embeddings),
            closeness=close_reading_of(hybrid.embeddings),
        )


def _as_it_stands(files: Sequence[JobFile], catalog: Catalog, root: str) -> Iterator[JobFile]:
    """The files, and which of them are in the collection with just this content."""
    known = catalog.known_documents(root)
    for file in files:
        held = known.get(file.name)
        if held is not None and held.content_hash == file.content_hash:
            file = as_indexed(file, catalog.document(held.doc_id))
        yield file
